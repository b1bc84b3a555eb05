// The simplest app: one object.
{
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'object', annotations: { file: std.thisFile } },
  data: { b: '2', a: '1', 'with space': 'x', [std.asciiUpper('computed')]: 'yes' },
  hidden:: 'never shown',
}
