package main

func fuseOverlayfs() Backend {
	return Backend{
		Name: "fuse-overlayfs", Package: "fuse-overlayfs", Setup: "mkdir $STORE/lower $STORE/upper $STORE/work",
		Mount: "fuse-overlayfs -f -o lowerdir=$STORE/lower,upperdir=$STORE/upper,workdir=$STORE/work $MNT",
	}
}
