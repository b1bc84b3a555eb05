local alerts = import 'alerts.libsonnet';
local kube = import 'kube.libsonnet';

local port = 9090;
local scrape = {
  global: { scrape_interval: '30s' },
  rule_files: ['/etc/prometheus/alerts.yml'],
  scrape_configs: [{ job_name: app, static_configs: [{ targets: [app + ':80'] }] } for app in ['api', 'web']],
};

[
  kube.configMap('metrics', {
    'prometheus.yml': std.manifestYamlDoc(scrape, quote_keys=false),
    'alerts.yml': std.manifestYamlDoc(alerts({ api: 1, web: 5 }), quote_keys=false),
  }),
  kube.deployment(
    'metrics',
    {
      name: 'prometheus',
      image: 'registry.shop.example/prometheus:3.5.0',
      ports: [{ name: 'http', containerPort: port }],
      volumeMounts: [{ name: 'configuration', mountPath: '/etc/prometheus' }],
    },
    [{ name: 'configuration', configMap: { name: 'metrics' } }],
  ),
  kube.service('metrics', port),
]
