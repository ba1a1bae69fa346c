package main

func bindfs() Backend {
	return Backend{
		Name: "bindfs", Package: "bindfs", Mount: "bindfs -f $STORE $MNT", Second: "bindfs -f $STORE $OTHER",
	}
}
