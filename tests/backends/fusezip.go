package main

func fuseZip() Backend {
	return Backend{
		Name: "fuse-zip", Package: "fuse-zip",
		Mount:  "fuse-zip -f $STORE/archive.zip $MNT",
		Advice: "nothing: use it for reading, or unmount it after each change that must be kept",
	}
}
