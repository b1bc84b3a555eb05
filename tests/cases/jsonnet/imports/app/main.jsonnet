local k = import 'github.com/acme/k/main.libsonnet';
local motd = importstr 'files/motd.txt';
k.configMap('imports', {
  motd: motd,
  bytes: std.manifestJsonMinified((importbin 'files/motd.txt')[0:4]),
  both: import 'both.libsonnet',
  which: import 'which.libsonnet',
  up: (import '../lib/labels.libsonnet').from,
  vendored: std.toString(k.vendored),
}) { metadata+: { labels: (import 'labels.libsonnet') } }
