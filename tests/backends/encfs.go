package main

func encfs() Backend {
	return Backend{
		Name: "encfs", Package: "encfs", Options: "standard configuration",
		Setup:   "mkdir $STORE/cipher; echo y | encfs --standard --extpass='echo secret' $STORE/cipher $MNT; umount $MNT",
		Mount:   "encfs -f --extpass='echo secret' $STORE/cipher $MNT",
		Second:  "encfs -f --extpass='echo secret' $STORE/cipher $OTHER",
		Advice:  "do not append to a file that must survive a power failure: an append may damage synced bytes before it",
		Scripts: []string{"encfs-append"},
	}
}
