import 'b.libsonnet'
