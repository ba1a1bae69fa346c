package main

// kernelFilesystems returns filesystems of the kernel on a loop device.
func kernelFilesystems() []Backend {
	disk := func(name, pkg, options, format string) Backend {
		mount := "mount -o loop"
		if options != "" {
			mount += "," + options
		}
		return Backend{
			Name: name, Package: pkg, Options: options, Kernel: true, OwnDisk: true,
			Setup: "truncate -s 512M $DISK; " + format + " $DISK", Mount: mount + " $DISK $MNT",
		}
	}
	return []Backend{
		disk("ext4", "e2fsprogs", "", "mkfs.ext4 -q"),
		disk("ext4, writeback", "e2fsprogs", "data=writeback", "mkfs.ext4 -q"),
		disk("ext4, no journal", "e2fsprogs", "", "mkfs.ext4 -q -O ^has_journal"),
		disk("ext2", "e2fsprogs", "", "mkfs.ext2 -q"),
		disk("xfs", "xfsprogs", "", "mkfs.xfs -q"),
		disk("btrfs", "btrfs-progs", "", "mkfs.btrfs -q"),
	}
}
