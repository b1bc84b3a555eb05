local Base = {
  assert self.replicas > 0 : 'replicas must be positive',
  replicas:: 1,
  name:: error 'name is required',
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: $.name, labels: { app: $.name } },
  spec: {
    replicas: $.replicas,
    template: { spec: { containers: [{ name: $.name, image: 'registry/%s:1' % $.name }] } },
  },
};
local WithSidecar = {
  spec+: { template+: { spec+: { containers+: [{ name: 'sidecar', image: 'sidecar:2' }] } } },
  metadata+: { labels+: { sidecar: 'true', [if super.labels.app == 'web' then 'web']: 'yes' } },
};
Base + WithSidecar + {
  name:: 'web',
  replicas:: super.replicas + 2,
  metadata+: { labels+: { same: std.toString(self.app == super.app), has: std.toString('app' in super) } },
}
