package main

// seaweeds returns SeaweedFS with one server, which is the master, the filer and the only volume server, and keeps one
// copy. weed reads flags that are not set from variables of the same names, such as DISK.
func seaweeds() []Backend {
	return []Backend{
		seaweedfs("SeaweedFS", "one copy", ""),
		seaweedfs("SeaweedFS, fsync", "one copy, fsync for /", `{"locationPrefix": "/", "fsync": true}`),
	}
}

func seaweedfs(name, options, location string) Backend {
	const mount = "env -u DISK weed mount -filer=127.0.0.1:8888 -cacheDir=$STORE/"
	return Backend{
		Name: name, Package: "weed", Version: "4.53+7506e5f91cd6", Packages: []string{"curl"}, Options: options, Size: "2G",
		Module:  "github.com/seaweedfs/seaweedfs/weed@v0.0.0-20261109003541-7506e5f91cd6",
		Replace: "github.com/tyler-smith/go-bip39=github.com/cosmos/go-bip39@v1.0.0",
		Setup: `mkdir $STORE/data $STORE/first $STORE/second
echo '{"version": 2, "locations": [` + location + `]}' >$WORK/filer.conf`,
		Serve: "exec env -u DISK weed server -dir=$STORE/data -ip=127.0.0.1 -filer -master.volumeSizeLimitMB=64 " +
			"-volume.max=20 -volume.minFreeSpace=1",
		Ready: "curl -sSf http://127.0.0.1:9333/dir/assign | grep fid; " +
			"curl -sSf -F file=@$WORK/filer.conf http://127.0.0.1:8888/etc/seaweedfs/",
		Mount: mount + "first -dir=$MNT", Second: mount + "second -dir=$OTHER",
		Documented: "weed mount uploads data without fsync, so a power failure may lose it",
		Source:     "https://github.com/seaweedfs/seaweedfs/blob/master/test/benchmark/fuse_db/README.md",
		Issue:      "https://github.com/seaweedfs/seaweedfs/issues/11424",
		Advice:     "set `fsync` for the paths to keep, here for all: `fs.configure -locationPrefix=/ -fsync -apply` in `weed shell`",
	}
}
