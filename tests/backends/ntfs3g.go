package main

func ntfs3g() Backend {
	return Backend{
		Name: "ntfs-3g", Package: "ntfs-3g", OwnDisk: true,
		Setup: "truncate -s 256M $DISK; mkntfs -q -F -f $DISK", Mount: "ntfs-3g -o no_detach $DISK $MNT",
	}
}
