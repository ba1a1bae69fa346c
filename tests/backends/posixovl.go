package main

func posixovl() Backend {
	return Backend{
		Name: "posixovl", Package: "fuse-posixovl", Packages: []string{"libfuse2"},
		Mount: "mount.posixovl -F -S $STORE $MNT -- -f", Second: "mount.posixovl -F -S $STORE $OTHER -- -f",
		Scripts: []string{"posixovl-fsync"},
		Advice:  "use the filesystem below it instead: no sync reaches the disk",
	}
}
