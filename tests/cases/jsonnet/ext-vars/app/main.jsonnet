{
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', labels: { region: std.extVar('region'), quoted: std.extVar('quoted') } },
  spec: { replicas: std.extVar('replicas').n },
}
