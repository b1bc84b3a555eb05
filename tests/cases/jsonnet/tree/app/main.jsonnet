local object(kind, name) = { apiVersion: 'v1', kind: kind, metadata: { name: name } };
{
  local top = self,
  _config:: { debug: false, shards: 2 },
  web: {
    service: object('Service', 'web'),
    'config map': object('ConfigMap', 'web'),
    shards: [object('ConfigMap', 'shard-%d' % i) for i in std.range(1, top._config.shards)],
    debug: if top._config.debug then object('Pod', 'debug'),
  },
  all: { apiVersion: 'v1', kind: 'List', items: [object('Secret', 'one'), object('Secret', 'two')] },
  empty: { nothing: {}, here: [] },
}
