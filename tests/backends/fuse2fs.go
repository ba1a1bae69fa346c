package main

func fuse2fs() Backend {
	return Backend{
		Name: "fuse2fs", Package: "fuse2fs", OwnDisk: true,
		Setup: "truncate -s 256M $DISK; mkfs.ext4 -q $DISK", Mount: "fuse2fs -f -o fakeroot $DISK $MNT",
	}
}
