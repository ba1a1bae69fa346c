package main

func mhddfs() Backend {
	return Backend{
		Name: "mhddfs", Package: "mhddfs", Setup: "mkdir $STORE/a $STORE/b",
		Mount: "mhddfs -f $STORE/a,$STORE/b $MNT -o mlimit=1m", Second: "mhddfs -f $STORE/a,$STORE/b $OTHER -o mlimit=1m",
	}
}
