{
  'z.json': { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'last' } },
  'a.json': { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'first' } },
} + {
  ['m-%d.json' % n]: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm-%d' % n } }
  for n in [1, 2]
}
