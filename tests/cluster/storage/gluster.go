package storage

import (
	"fmt"

	"github.com/volume-durability/volume-durability/tests/cluster/layout"
	"github.com/volume-durability/volume-durability/tests/cluster/process"
	"github.com/volume-durability/volume-durability/tests/gluster"
)

// healerName is the program that heals a GlusterFS server that was down.
const healerName = "gluster-heal"

// GlusterName returns the name of the GlusterFS server that listens on a node's address.
func GlusterName(n layout.Node) string { return "gluster-" + n.Name }

// GlusterNames are the servers of the GlusterFS volume, and its healer.
func GlusterNames() []string {
	var all []string
	for _, n := range layout.Nodes() {
		all = append(all, GlusterName(n))
	}
	return append(all, healerName)
}

// IsGluster reports whether a program is one of GlusterFS.
func IsGluster(program string) bool { return program == gluster.Server || program == gluster.Client }

func glusterVolume() gluster.Volume {
	v := gluster.Volume{Folder: layout.Gluster, Port: layout.GlusterPort}
	for _, n := range layout.Nodes() {
		v.Addresses = append(v.Addresses, n.IP.String())
	}
	return v
}

// Gluster writes the configuration of a GlusterFS volume with a server on each node's
// address, and returns the programs to start.
func Gluster(server, client string) ([]process.Program, error) {
	v := glusterVolume()
	if err := v.Write(); err != nil {
		return nil, fmt.Errorf("making a GlusterFS volume: %w", err)
	}
	var programs []process.Program
	for i, n := range layout.Nodes() {
		programs = append(programs, process.Program{Name: GlusterName(n), Path: server, Args: v.ServerArgs(i)})
	}
	return append(programs, process.Program{Name: healerName, Path: client, Args: v.HealerArgs()}), nil
}

// glusterFlag is the flag that passes the volume to the storage driver.
func glusterFlag() string { return "--gluster=" + glusterVolume().ClientFile() }
