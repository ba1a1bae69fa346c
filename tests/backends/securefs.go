package main

func securefs() Backend {
	return Backend{
		Name: "securefs", Package: "securefs",
		Setup: "mkdir $STORE/cipher; securefs create --pass secret -r 1 $STORE/cipher",
		Mount: "securefs mount --pass secret $STORE/cipher $MNT", Second: "securefs mount --pass secret $STORE/cipher $OTHER",
		Scripts: []string{"securefs-append", "securefs-damaged-page"},
		Advice:  "do not append to a file that must survive a power failure: an append may make its last page unreadable",
	}
}
