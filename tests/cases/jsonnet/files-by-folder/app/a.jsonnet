(import 'shared.libsonnet') { metadata+: { name: 'a' } }
