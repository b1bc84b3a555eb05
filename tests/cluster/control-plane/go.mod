module windlass.dev/tests/cluster/control-plane

go 1.26.0
