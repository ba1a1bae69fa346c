package main

func fuseZip() Backend {
	return Backend{
		Name: "fuse-zip", Package: "fuse-zip",
		Mount:      "fuse-zip -f $STORE/archive.zip $MNT",
		Documented: "added and changed files are in memory until the unmount",
		Source:     "https://bitbucket.org/agalanin/fuse-zip",
		Issue:      "https://bitbucket.org/agalanin/fuse-zip/issues/100/all-data-written-since-mount-is-lost-when",
		Advice:     "unmount it after each change that must be kept: it saves changes only then",
	}
}
