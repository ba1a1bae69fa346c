package main

import "github.com/volume-durability/volume-durability/tests/cluster/guest"

// drbdPeer starts a replica on the client and on the reader.
const drbdPeer = `NUMBER=0 IMAGE=$DISK/image SIZE=128M SETTINGS=${FENCING-}
FIRST=client FIRST_ADDRESS=$CLIENT
SECOND=reader SECOND_ADDRESS=$READER
` + guest.DRBD

// fenceHandler configures a handler that cannot fence the reader. The client is off when the reader is promoted, so the
// handler of the reader reports that the client is fenced.
const fenceHandler = `printf '#!/bin/sh\n[ "$(uname -n)" != reader ] || exit 7\nexit 1\n' >/run/fence
chmod +x /run/fence
FENCING='disk { fencing resource-and-stonith; } handlers { fence-peer /run/fence; }'
`

func drbd(protocol string) Backend {
	return Backend{
		Name: "DRBD 8.4, protocol " + protocol, Package: "user-mode-linux", Options: "protocol " + protocol,
		Machines: &Machines{
			Modules: guest.DRBDModules, Peer: "PROTOCOL=" + protocol + "\n" + drbdPeer,
			Attach: "until_true drbdadm primary r0", Format: "mkfs.ext4 -q /dev/drbd0", Mount: "mount /dev/drbd0 $MNT",
		},
	}
}

// drbdManual is the manual of DRBD 8.4.
const drbdManual = "https://manpages.debian.org/bookworm/drbd-utils/drbd.conf-8.4.5.en.html"

// drbds returns DRBD with each protocol. The reader is the secondary, which is promoted without force.
func drbds() []Backend {
	var list []Backend
	for _, protocol := range []string{"A", "B", "C"} {
		b := drbd(protocol)
		b.Documented, b.Source = "the default of fencing is dont-care: no fencing actions are taken", drbdManual
		b.Scripts = []string{"drbd-stale-peer"}
		b.Advice = "use protocol C with `fencing resource-and-stonith` and a `fence-peer` handler; otherwise the primary " +
			"continues alone when the network is away, and the secondary can be promoted with old data"
		list = append(list, b)
	}
	fenced := drbd("C")
	fenced.Name, fenced.Options = fenced.Name+", fencing", "fencing resource-and-stonith"
	fenced.Machines.Peer = fenceHandler + fenced.Machines.Peer
	return append(list, fenced)
}
