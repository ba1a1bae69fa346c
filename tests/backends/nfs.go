package main

import (
	"strings"

	"github.com/volume-durability/volume-durability/tests/cluster/guest"
)

// nfsServers returns the NFS server of the kernel, whose clients are other machines.
func nfsServers() []Backend {
	var list []Backend
	for _, version := range []string{"4.2", "3"} {
		for _, export := range []string{"sync", "async"} {
			b := Backend{
				Name: "NFS, version " + version + ", export " + export, Package: "nfs-kernel-server", Options: export,
				Machines: &Machines{
					Modules: []string{"nfsv3", "nfsv4"}, Export: "rw,no_root_squash," + export,
					Mount: "mount -t nfs -o nolock,nfsvers=" + version + " $SERVER:" + exportPath(version) + " $MNT",
				},
			}
			if export == "async" {
				b.Documented = "with async, an unclean restart of the server can lose or damage data"
				b.Source = "https://manpages.debian.org/bookworm/nfs-kernel-server/exports.5.en.html"
				b.Scripts = []string{"nfs-async-cache"}
				b.Advice = "export with `sync`"
			}
			list = append(list, b)
		}
	}
	for _, kind := range []string{"soft", "softerr"} {
		list = append(list, Backend{
			Name: "NFS, version 4.2, " + kind, Package: "nfs-kernel-server", Options: "sync, " + kind + ", timeo=20, retrans=1",
			Machines: &Machines{
				Modules: []string{"nfsv3", "nfsv4"}, Export: "rw,no_root_squash,sync",
				Mount: "mount -t nfs -o nolock,nfsvers=4.2," + kind + ",timeo=20,retrans=1 $SERVER:/ $MNT",
			},
		})
	}
	return list
}

// exportPath returns the path that a client mounts.
func exportPath(version string) string {
	if strings.HasPrefix(version, "3") {
		return guest.ExportPath
	}
	return "/"
}
