package main

func disorderfs() Backend {
	return Backend{
		Name: "disorderfs", Package: "disorderfs",
		Mount: "disorderfs -q -f $STORE $MNT", Second: "disorderfs -q -f $STORE $OTHER",
	}
}
