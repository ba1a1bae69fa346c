package main

func gocryptfs() Backend {
	return Backend{
		Name: "gocryptfs", Package: "gocryptfs",
		Setup:   "mkdir $STORE/cipher; echo secret >$WORK/password; gocryptfs -q -init -scryptn 10 -passfile $WORK/password $STORE/cipher",
		Mount:   "gocryptfs -fg -passfile $WORK/password $STORE/cipher $MNT",
		Second:  "gocryptfs -fg -passfile $WORK/password $STORE/cipher $OTHER",
		Scripts: []string{"gocryptfs-new-folder"},
		Issue:   "https://github.com/rfjakob/gocryptfs/issues/1033",
		Advice:  "after creating a folder, sync the filesystem below with `sync -f`",
	}
}
