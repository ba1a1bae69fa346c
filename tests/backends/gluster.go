package main

import (
	"fmt"
	"strings"
)

// glusters returns GlusterFS with two replicas, without glusterd. They use ports of the loopback interface.
func glusters() []Backend {
	behind := gluster("GlusterFS, write-behind", "write-behind")
	behind.Options = "performance.write-behind"
	return []Backend{gluster("GlusterFS, two replicas", ""), behind}
}

func gluster(name, behind string) Backend {
	var setup, serve, bricks strings.Builder
	for _, n := range []string{"a", "b"} {
		fmt.Fprintf(&setup, "mkdir -p $STORE/%[1]s/.glusterfs/indices\nport_%[1]s=$(%[5]s)\necho $port_%[1]s >$WORK/%[1]s.port\ncat >$WORK/%[1]s.vol <<END\n%[2]s%[3]s%[4]sEND\n", n,
			translator("posix", "storage/posix", "", "directory $STORE/"+n),
			translator("locks", "features/locks", "posix")+translator("index", "features/index", "locks",
				"index-base $STORE/"+n+"/.glusterfs/indices", "xattrop-dirty-watchlist trusted.afr.dirty",
				"xattrop-pending-watchlist trusted.afr.")+translator("brick", "debug/io-stats", "index"),
			translator("server", "protocol/server", "brick", "transport-type tcp", "transport.address-family inet",
				"transport.socket.bind-address 127.0.0.1", "transport.socket.listen-port $port_"+n,
				"auth.addr.brick.allow *", "auth-path brick"), freePort)
		fmt.Fprintf(&serve, "glusterfsd -N -f $WORK/%[1]s.vol -l $WORK/%[1]s.log --volfile-id=%[1]s &\n", n)
		bricks.WriteString(translator("client-"+n, "protocol/client", "", "transport-type tcp",
			"transport.address-family inet", "remote-host 127.0.0.1", "remote-port $port_"+n, "remote-subvolume brick"))
	}
	top := translator("replicate", "cluster/replicate", "client-a client-b", "afr-pending-xattr client-a,client-b",
		"volume-id 0b4f6b0e-6d0c-4a3f-9a6e-2f1f4f4c7f10") + translator("distribute", "cluster/distribute", "replicate")
	if behind != "" {
		top += translator("write-behind", "performance/write-behind", "distribute")
	}
	fmt.Fprintf(&setup, "cat >$WORK/client.vol <<END\n%sEND\n", bricks.String()+top)
	mount := func(at string) string { return "glusterfs -N -f $WORK/client.vol -l $WORK/client.log " + at }
	return Backend{
		Name: name, Package: "glusterfs-client", Packages: []string{"glusterfs-server"}, Setup: setup.String(),
		Serve: serve.String() + "wait",
		Ready: connect("$(cat $WORK/a.port)") + "; " + connect("$(cat $WORK/b.port)"),
		Mount: mount("$MNT"), Second: mount("$OTHER"),
	}
}

// translator returns one translator of a configuration file.
func translator(name, kind, subvolumes string, options ...string) string {
	text := fmt.Sprintf("volume %s\ntype %s\n", name, kind)
	for _, option := range options {
		text += "option " + option + "\n"
	}
	if subvolumes != "" {
		text += "subvolumes " + subvolumes + "\n"
	}
	return text + "end-volume\n"
}
