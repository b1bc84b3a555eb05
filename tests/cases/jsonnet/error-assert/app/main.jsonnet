{
  assert self.replicas > 0 : 'replicas must be positive',
  replicas:: 0,
  apiVersion: 'apps/v1',
  kind: 'Deployment',
}
