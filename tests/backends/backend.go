package main

// Backend describes one storage backend. If Machines is set, its parts are machines of their own, and only the fields
// that describe it are used besides. Otherwise, its commands are run by sh -eu. They have these variables:
//
//	WORK   a folder for the backend's own files, on another filesystem
//	DISK   the image of the disk, which a power cut keeps
//	STORE  the mount point of the disk, an ext4 filesystem; not mounted if OwnDisk is set
//	MNT    where the backend is mounted; if it needs another mount below it, that is at MNT.lower
//	OTHER  where the second client is mounted
//
// They are in namespaces of their own: /tmp and /run are empty folders, and the network is only the loopback interface.
type Backend struct {
	// Name identifies the backend and its options.
	Name string
	// Package is the Debian package whose version is recorded, Packages are others that are needed.
	Package  string
	Packages []string
	// Version is the version to record if Package is not a Debian package.
	Version string
	// Module is a program of a Go module that is needed, with its version; its folder is in PATH. Replace is the
	// replacement in the go.mod of that module, as go mod edit takes it: go install refuses a module that has one.
	Module, Replace string
	// Options are the options that decide what is kept.
	Options string
	// OwnDisk reports whether the backend is itself the filesystem of the disk.
	OwnDisk bool
	// Size is the size of the disk of STORE; 256M if it is empty.
	Size string
	// Setup prepares the storage once.
	Setup string
	// Serve runs the servers of the backend in the foreground; empty if it has none. Ready succeeds once they can be used.
	Serve, Ready string
	// Mount mounts the backend. If Kernel is false, it stays in the foreground: its process is the client. If it writes
	// another one to WORK/pid, it ends in "; wait".
	Mount  string
	Kernel bool
	// Second mounts a second client in the foreground; empty if there can be none.
	Second string
	// Machines are the parts of a backend on machines of their own, nil if it is on this computer.
	Machines *Machines
	// Documented is what the documentation of the backend says about fsync; empty if it says nothing. Source is its
	// address.
	Documented, Source string
	// Issue is the address of a public report about what is lost.
	Issue string
	// Scripts are the names of the scripts in the folder findings that show without this project what is lost.
	Scripts []string
	// Advice is what to set so that acknowledged data is kept; empty if nothing needs to be set.
	Advice string
}

// all returns the backends in the order of the table.
func all() []Backend {
	var list []Backend
	for _, backends := range [][]Backend{
		kernelFilesystems(), overlays(),
		{bindfs(), mergerfs(), mhddfs(), unionfs(), fuseOverlayfs(), posixovl(), disorderfs()},
		{gocryptfs(), encfs(), securefs(), cryfs()},
		{ntfs3g(), exfat(), fuse2fs(), zfsFuse()},
		{archivemount(), fuseZip()},
		{sshfs()}, davfs(), rclones(), {s3backer()}, s3fses(), glusters(), mooses(), {ceph()}, seaweeds(),
		nfsServers(), {ganesha()}, iscsiTargets(), drbds(), nbds(), droppingDisks(),
	} {
		list = append(list, backends...)
	}
	return list
}
