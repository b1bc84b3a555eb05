function(name, ports, type='ClusterIP') {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: name },
  spec: { type: type, ports: [{ name: 'p%d' % port, port: port } for port in ports] },
}
