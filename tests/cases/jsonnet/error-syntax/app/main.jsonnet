{ apiVersion: 'v1', kind: 'ConfigMap', data: import 'broken.libsonnet' }
