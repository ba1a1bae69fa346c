package main

func cryfs() Backend {
	return Backend{
		Name: "CryFS", Package: "cryfs",
		Setup: "mkdir $STORE/cipher; client $WORK/pid $MNT $WORK/mount.sh; umount $MNT; end $WORK/pid; rm $WORK/pid",
		Mount: "export CRYFS_FRONTEND=noninteractive CRYFS_NO_UPDATE_CHECK=true CRYFS_LOCAL_STATE_DIR=$WORK/state; " +
			"echo secret >$WORK/password; exec cryfs -f $STORE/cipher $MNT <$WORK/password",
		Documented: "if its process is killed while it writes, the filesystem could get corrupted",
		Source:     "https://github.com/cryfs/cryfs",
		Issue:      "https://github.com/cryfs/cryfs/issues/209",
		Advice:     "unmount it after each change that must be kept: no sync reaches the disk",
	}
}
