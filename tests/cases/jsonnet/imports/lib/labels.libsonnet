{ app: 'imports', from: std.thisFile }
