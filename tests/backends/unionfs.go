package main

func unionfs() Backend {
	return Backend{
		Name: "unionfs-fuse", Package: "unionfs-fuse", Setup: "mkdir $STORE/lower $STORE/upper", Options: "cow",
		Mount:  "unionfs -f -o cow $STORE/upper=RW:$STORE/lower=RO $MNT",
		Second: "unionfs -f -o cow $STORE/upper=RW:$STORE/lower=RO $OTHER",
	}
}
