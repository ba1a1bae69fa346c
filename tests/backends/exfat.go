package main

func exfat() Backend {
	return Backend{
		Name: "exfat-fuse", Package: "exfat-fuse", Packages: []string{"exfatprogs"}, OwnDisk: true,
		Setup: "truncate -s 256M $DISK; mkfs.exfat $DISK",
		// The device is detached when the client closes it.
		Mount: "device=$(losetup -f --show $DISK); mount.exfat-fuse -d $device $MNT & echo $! >$WORK/pid; " +
			"until mountpoint -q $MNT; do kill -0 $!; sleep 0.1; done; losetup -d $device; wait",
	}
}
