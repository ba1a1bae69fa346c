package main

func archivemount() Backend {
	return Backend{
		Name: "archivemount", Package: "archivemount", Options: "nobackup", Packages: []string{"libfuse2"},
		Setup:      "tar -cf $STORE/archive.tar --files-from /dev/null",
		Mount:      "archivemount -f -o nobackup $STORE/archive.tar $MNT",
		Documented: "archives are recreated only once, at the time of unmount",
		Source:     "https://github.com/cybernoid/archivemount",
		Scripts:    []string{"archivemount-fsync", "archivemount-rename"},
		Advice:     "use it only to read archives: it saves changes at the unmount, and does not save renames",
	}
}
