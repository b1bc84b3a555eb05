local x = import 'nope.libsonnet';
x
