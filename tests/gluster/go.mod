// A GlusterFS volume for the test cluster, in a module of its own: the cluster and
// its storage driver are modules that know nothing of each other.
module github.com/volume-durability/volume-durability/tests/gluster

go 1.25.0
