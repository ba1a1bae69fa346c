package main

func fuseext2() Backend {
	return Backend{
		Name: "fuse-ext2", Package: "fuseext2", OwnDisk: true, Options: "rw+",
		Setup: "truncate -s 256M $DISK; mkfs.ext2 -q $DISK", Mount: "fuse-ext2 -f $DISK $MNT -o rw+",
	}
}
