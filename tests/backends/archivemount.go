package main

func archivemount() Backend {
	return Backend{
		Name: "archivemount", Package: "archivemount", Options: "nobackup", Packages: []string{"libfuse2"},
		Setup: "tar -cf $STORE/archive.tar --files-from /dev/null", Mount: "archivemount -f -o nobackup $STORE/archive.tar $MNT",
		Advice: "nothing: use it for reading, or unmount it after each change that must be kept",
	}
}
