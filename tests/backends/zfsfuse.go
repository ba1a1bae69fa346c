package main

// zfsFuse has a pool on the disk. Its daemon does not end when the filesystem is unmounted. After it was killed, the
// next one imports the pool by itself.
func zfsFuse() Backend {
	const daemon = "mkdir -p /run/zfs; zfs-fuse --no-daemon --no-kstat-mount & echo $! >$WORK/pid; " +
		"until zpool list; do kill -0 $!; sleep 0.1; done; "
	// After its daemon was killed, the script must not export the pool, which the next daemon has imported.
	const killed = "! grep -qs '^State:.[^Z]' /proc/$!/status"
	return Backend{
		Name: "zfs-fuse", Package: "zfs-fuse", OwnDisk: true,
		Setup: "truncate -s 256M $DISK; mkdir $WORK/zfs; mount --bind $WORK/zfs /var/lib/zfs; " + daemon +
			"zpool create -m $MNT pool $DISK; until zpool export pool; do sleep 0.1; done; kill $!; wait; rm $WORK/pid",
		Mount: daemon + "zpool list pool || zpool import -f -d $WORK pool; mountpoint -q $MNT || zfs mount pool; " +
			"until " + killed + " || ! mountpoint -q $MNT; do sleep 0.1; done; " +
			killed + " || zpool export pool || true; kill $! || true; wait",
		Advice:  "open a file or folder before you change it, and sync it before you close it: other syncs have no effect",
		Scripts: []string{"zfs-fuse-fsync"},
	}
}
