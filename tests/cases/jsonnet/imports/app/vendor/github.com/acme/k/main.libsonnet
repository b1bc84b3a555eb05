(import 'util.libsonnet') { vendored: true }
