package main

func gocryptfs() Backend {
	return Backend{
		Name: "gocryptfs", Package: "gocryptfs",
		Setup:  "mkdir $STORE/cipher; echo secret >$WORK/password; gocryptfs -q -init -scryptn 10 -passfile $WORK/password $STORE/cipher",
		Mount:  "gocryptfs -fg -passfile $WORK/password $STORE/cipher $MNT",
		Second: "gocryptfs -fg -passfile $WORK/password $STORE/cipher $OTHER",
		Promise: "a new folder can be damaged by a crash, because gocryptfs.diriv is not synced",
		Source:  "https://github.com/rfjakob/gocryptfs/issues/1033",
		Advice:  "write to folders that were created long before, or use a version with the fix of that issue",
	}
}
