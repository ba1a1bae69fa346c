package main

// s3backer has ext4 on a loop device, and keeps the blocks of the device in files of the disk.
func s3backer() Backend {
	const start = "mkdir -p $MNT.lower; s3backer -f --test --size=32M --blockSize=4k --listBlocks $STORE/blocks $MNT.lower & " +
		"echo $! >$WORK/pid; until [ -e $MNT.lower/file ]; do kill -0 $!; sleep 0.1; done; "
	return Backend{
		Name: "s3backer", Package: "s3backer",
		Setup:   "mkdir $STORE/blocks; " + start + "mkfs.ext4 -q $MNT.lower/file; umount $MNT.lower; wait; rm $WORK/pid",
		Mount:   start + "mount -o loop $MNT.lower/file $MNT; wait",
		Issue:   "https://github.com/archiecobbs/s3backer/issues/197",
		Scripts: []string{"s3backer-fsync"},
		Advice:  "set `--blockCacheSync --blockCacheWriteDelay=0`",
	}
}
