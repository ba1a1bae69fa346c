package main

func mergerfs() Backend {
	return Backend{
		Name: "mergerfs", Package: "mergerfs", Setup: "mkdir $STORE/a $STORE/b",
		Mount:  "mergerfs -f -o minfreespace=1M $STORE/a:$STORE/b $MNT",
		Second: "mergerfs -f -o minfreespace=1M $STORE/a:$STORE/b $OTHER",
	}
}
