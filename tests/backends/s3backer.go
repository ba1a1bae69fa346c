package main

// s3backers returns ext4 on a loop device over s3backer, which keeps the blocks of the device in files of the disk.
func s3backers() []Backend {
	start := func(options string) string {
		return "mkdir -p $MNT.lower; s3backer -f --test --size=32M --blockSize=4k --listBlocks " + options +
			" $STORE/blocks $MNT.lower & echo $! >$WORK/pid; until [ -e $MNT.lower/file ]; do kill -0 $!; sleep 0.1; done; "
	}
	backer := func(name, options string) Backend {
		return Backend{
			Name: name, Package: "s3backer", Options: options,
			Setup:  "mkdir $STORE/blocks; " + start("") + "mkfs.ext4 -q $MNT.lower/file; umount $MNT.lower; wait; rm $WORK/pid",
			Mount:  start(options) + "mount -o loop $MNT.lower/file $MNT; wait",
			Issue:  "https://github.com/archiecobbs/s3backer/issues/197",
			Advice: "set `--blockCacheSync --blockCacheWriteDelay=0`",
		}
	}
	return []Backend{backer("s3backer", ""), backer("s3backer, synchronous", "--blockCacheSync --blockCacheWriteDelay=0")}
}
