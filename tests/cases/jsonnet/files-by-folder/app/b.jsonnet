import 'shared.libsonnet'
