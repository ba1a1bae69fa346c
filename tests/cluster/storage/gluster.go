package storage

import (
	"fmt"

	"github.com/volume-durability/volume-durability/tests/cluster/layout"
	"github.com/volume-durability/volume-durability/tests/cluster/process"
	"github.com/volume-durability/volume-durability/tests/gluster"
)

// healerName is the program that brings a GlusterFS server up to date which was away.
const healerName = "gluster-heal"

// GlusterName is what the GlusterFS server is called that listens on a node's address.
func GlusterName(n layout.Node) string { return "gluster-" + n.Name }

// GlusterNames are the servers of the GlusterFS volume, and its healer.
func GlusterNames() []string {
	var all []string
	for _, n := range layout.Nodes() {
		all = append(all, GlusterName(n))
	}
	return append(all, healerName)
}

// IsGluster says whether a program is one of GlusterFS.
func IsGluster(program string) bool { return program == gluster.Server || program == gluster.Client }

func glusterVolume() gluster.Volume {
	v := gluster.Volume{Folder: layout.Gluster, Port: layout.GlusterPort}
	for _, n := range layout.Nodes() {
		v.Addresses = append(v.Addresses, n.IP.String())
	}
	return v
}

// Gluster makes a GlusterFS volume with a server on each node's address, and returns
// what is to be started for it.
func Gluster(server, client string) ([]process.Program, error) {
	v := glusterVolume()
	if err := v.Lay(); err != nil {
		return nil, fmt.Errorf("making a GlusterFS volume: %w", err)
	}
	var programs []process.Program
	for i, n := range layout.Nodes() {
		programs = append(programs, process.Program{Name: GlusterName(n), Path: server, Args: v.ServerArgs(i)})
	}
	return append(programs, process.Program{Name: healerName, Path: client, Args: v.HealerArgs()}), nil
}

// glusterFlag tells the storage driver of the volume.
func glusterFlag() string { return "--gluster=" + glusterVolume().ClientFile() }
