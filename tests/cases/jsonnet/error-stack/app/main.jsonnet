local lib = import 'lib.libsonnet';
local container(name) = { name: name, image: lib.image(name) };
{ apiVersion: 'v1', kind: 'Pod', spec: { containers: [container('web')] } }
