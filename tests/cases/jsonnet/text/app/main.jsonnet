{
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'text' },
  data: {
    block: |||
      #!/bin/sh
      echo "$HOME"
        indented \n stays
    |||,
    chomped: |||-
      no newline at the end
    |||,
    verbatim: @"C:\dir\ ""quoted""",
    escapes: "tab\t nul\u0000 del\u007f e-acute\u00e9 surrogate\ud83d\ude00 slash\/",
    numbers: std.toString([0.1 + 0.2, 123456789012345678, -0.0, 100, 1e15, 1e16, 1e17]),
    long: std.repeat('x', 300),
  },
  numbers: [0.1 + 0.2, 1e15, 1e16, 1e17, 1e100, 1 / 3, 3.0, -1.5e-9, 5e-324, 0.1, 100 / 7],
  empty: { object: {}, array: [] },
}
