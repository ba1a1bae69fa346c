package main

// droppingDisks returns filesystems on a disk that at some moment begins to drop what is written.
func droppingDisks() []Backend {
	disk := func(filesystem, pkg, format string) Backend {
		return Backend{
			Name: filesystem + " on dm-flakey", Package: pkg,
			Documented: "with drop_writes, all writes are silently ignored",
			Source:     "https://docs.kernel.org/admin-guide/device-mapper/dm-flakey.html",
			Machines: &Machines{
				Modules: []string{"loop", "dm-mod", "dm-flakey"},
				Attach: `[ -e $DISK/image ] || truncate -s 512M $DISK/image
losetup /dev/loop0 $DISK/image
dmsetup --noudevsync create storage --table "0 1048576 linear /dev/loop0 0"
until_true test -b /dev/dm-0`,
				Format: format + " /dev/dm-0", Mount: "mount /dev/dm-0 $MNT",
				Drop: `dmsetup --noudevsync load storage --table "0 1048576 flakey /dev/loop0 0 0 3600 1 drop_writes"
dmsetup --noudevsync suspend --noflush --nolockfs storage
dmsetup --noudevsync resume storage`,
			},
		}
	}
	return []Backend{
		disk("ext4", "e2fsprogs", "mkfs.ext4 -q"), disk("xfs", "xfsprogs", "mkfs.xfs -q"),
		disk("btrfs", "btrfs-progs", "mkfs.btrfs -q"),
	}
}
