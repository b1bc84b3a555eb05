{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'prod' }, data: { file: std.thisFile } }
