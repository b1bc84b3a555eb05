local configMap(name, n) = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: name }, data: { n: std.toString(n) } };
[configMap('cm-%02d' % n, n * n) for n in std.range(1, 5) if n != 3]
+ [configMap(x, 0) for x in ['b', 'a']]
