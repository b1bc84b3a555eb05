// The few shapes of objects that our Jsonnet uses.
{
  local labels(name) = { 'app.kubernetes.io/name': name, 'app.kubernetes.io/part-of': 'shop' },

  configMap(name, data):: {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: name, namespace: 'shop', labels: labels(name) },
    data: data,
  },

  deployment(name, container, volumes=[]):: {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: name, namespace: 'shop', labels: labels(name) },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels(name) },
      template: { metadata: { labels: labels(name) }, spec: { containers: [container], volumes: volumes } },
    },
  },

  service(name, port):: {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: name, namespace: 'shop', labels: labels(name) },
    spec: { selector: labels(name), ports: [{ name: 'http', port: port, targetPort: 'http' }] },
  },
}
