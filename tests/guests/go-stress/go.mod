module windlass.dev/tests/guests/go-stress

go 1.26.0

require windlass.dev/sdk v0.0.0

replace windlass.dev/sdk => ../../../sdk/go
