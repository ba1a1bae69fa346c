package main

import (
	"slices"

	"github.com/volume-durability/volume-durability/tests/cluster/guest"
)

// imageOnDisk makes the file that a server serves as a block device.
const imageOnDisk = "[ -e $DISK/image ] || truncate -s 256M $DISK/image; sync\n"

// iscsiLogin makes a client have the block device of a target as /dev/sda.
const iscsiLogin = `mkdir -p /run/lock/iscsi
echo "InitiatorName=iqn.2026-11.test:$(uname -n)" >/etc/iscsi/initiatorname.iscsi
iscsid
until_true iscsiadm -m discovery -t sendtargets -p $SERVER
iscsiadm -m node --login
until_true test -b /dev/sda`

// lio serves a file with the target of the kernel.
const lio = "IMAGE=$DISK/image SIZE=268435456\n" + guest.LIO

const tgt = imageOnDisk + `mkdir -p /run/tgtd
tgtd
until_true tgtadm --lld iscsi --op show --mode sys
tgtadm --lld iscsi --op new --mode target --tid 1 -T iqn.2026-11.test:storage
tgtadm --lld iscsi --op new --mode logicalunit --tid 1 --lun 1 -b $DISK/image
tgtadm --lld iscsi --op bind --mode target --tid 1 -I ALL`

// iscsiTargets returns targets that serve a file.
func iscsiTargets() []Backend {
	target := func(name, pkg, options, serve string, modules ...string) Backend {
		return Backend{
			Name: name, Package: pkg, Options: options,
			Machines: &Machines{
				Modules: slices.Concat(guest.ISCSIModules, modules), Serve: serve,
				Attach: iscsiLogin, Format: "mkfs.ext4 -q /dev/sda", Mount: "mount /dev/sda $MNT",
			},
		}
	}
	kernel := func(name, options, buffered, cache string) Backend {
		settings := "CONTROL=" + buffered + " ATTRIBUTES=emulate_write_cache=" + cache + "\n"
		return target(name, "user-mode-linux", options, settings+lio, guest.LIOModules...)
	}
	lies := kernel("iSCSI, LIO fileio, buffered, no write cache", "fd_buffered_io=1, emulate_write_cache=0",
		",fd_buffered_io=1", "0")
	lies.Advice = "if the target is buffered, set `emulate_write_cache=1`; otherwise the initiator does not flush"
	lies.Scripts = []string{"lio-write-cache"}
	return []Backend{
		kernel("iSCSI, LIO fileio, O_DSYNC", "emulate_write_cache=0", "", "0"),
		kernel("iSCSI, LIO fileio, buffered, write cache", "fd_buffered_io=1, emulate_write_cache=1",
			",fd_buffered_io=1", "1"),
		lies,
		target("iSCSI, tgt", "tgt", "", tgt),
	}
}
