{ apiVersion: 'v1', kind: 'ConfigMap', n: std.extVar('region') }
