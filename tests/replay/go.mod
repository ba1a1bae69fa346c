// Replays of the writes of a filesystem, in their own module because they need go-fuse, which the product does not need.
module github.com/volume-durability/volume-durability/tests/replay

go 1.26.0

replace (
	github.com/volume-durability/volume-durability => ../..
	k8s.io/client-go => k8s.io/client-go v0.37.2
)

require (
	github.com/hanwen/go-fuse/v2 v2.12.1
	github.com/stretchr/testify v1.12.1
	github.com/volume-durability/volume-durability v0.0.0-00010101000000-000000000000
	golang.org/x/sys v0.50.0
)

require (
	github.com/moby/sys/mountinfo v0.7.3 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
)
