local depth(n) = 1 + depth(n + 1);
{ apiVersion: 'v1', kind: 'ConfigMap', n: depth(0) }
