package main

// fuseExt2 has no option to stay in the foreground.
func fuseExt2() Backend {
	return Backend{
		Name: "fuse-ext2", Package: "fuseext2", OwnDisk: true, Options: "rw+",
		Setup: "truncate -s 256M $DISK; mkfs.ext2 -q $DISK",
		Mount: "fuse-ext2 $DISK $MNT -o rw+; pgrep -f \"^fuse-ext2 $DISK\" >$WORK/pid; wait",
	}
}
