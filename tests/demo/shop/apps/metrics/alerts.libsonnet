// One alert for each service: too many of its answers are errors.
local rule(service, percent) = {
  alert: '%sErrors' % [std.asciiUpper(service[0]) + service[1:]],
  expr: 'sum(rate(http_errors_total{app="%s"}[5m])) / sum(rate(http_requests_total{app="%s"}[5m])) > %g' % [service, service, percent / 100],
  'for': '10m',
  labels: { severity: 'page' },
};

function(limits) {
  groups: [{ name: 'shop', rules: [rule(service, limits[service]) for service in std.objectFields(limits)] }],
}
