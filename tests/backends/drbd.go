package main

// drbdPeer starts a replica on a loop device. The first one makes both up to date without a synchronization.
const drbdPeer = `: "${FENCING=}"
truncate -s 128M $DISK/image
mkdir -p /run/lock /run/drbd /var/lib/drbd /etc/drbd.d
losetup /dev/loop0 $DISK/image
cat >/etc/drbd.conf <<END
global { usage-count no; }
resource r0 {
    net { protocol $PROTOCOL; }
    $FENCING
    device /dev/drbd0;
    disk /dev/loop0;
    meta-disk internal;
    on client { address $CLIENT:7789; }
    on reader { address $READER:7789; }
}
END
drbdadm create-md --force r0
drbdadm up r0
connected() { [ "$(drbdadm cstate r0)" = Connected ]; }
until_true connected
[ "$(uname -n)" != client ] || drbdadm new-current-uuid --clear-bitmap r0/0
up_to_date() { [ "$(drbdadm dstate r0)" = UpToDate/UpToDate ]; }
until_true up_to_date`

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
			Modules: []string{"drbd", "loop"}, Peer: "PROTOCOL=" + protocol + "\n" + drbdPeer,
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
		b.Advice = "use protocol C with `fencing resource-and-stonith` and a `fence-peer` handler; otherwise the primary " +
			"continues alone when the network is away, and the secondary can be promoted with old data"
		list = append(list, b)
	}
	fenced := drbd("C")
	fenced.Name, fenced.Options = fenced.Name+", fencing", "fencing resource-and-stonith"
	fenced.Machines.Peer = fenceHandler + fenced.Machines.Peer
	return append(list, fenced)
}
