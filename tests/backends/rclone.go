package main

// rclones returns the cache modes of rclone mount. The remote is a folder of the disk.
func rclones() []Backend {
	mode := func(mode string) Backend {
		mount := func(cache, at string) string {
			return "rclone mount --config /dev/null --vfs-cache-mode " + mode + " --cache-dir $STORE/" + cache +
				" $STORE/remote " + at
		}
		return Backend{
			Name: "rclone mount, cache " + mode, Package: "rclone", Options: "--vfs-cache-mode " + mode,
			Setup: "mkdir $STORE/remote", Mount: mount("cache", "$MNT"), Second: mount("other", "$OTHER"),
			Documented: "with a write cache, the upload begins only some seconds after the file is closed (--vfs-write-back)",
			Source:     "https://rclone.org/commands/rclone_mount/#vfs-file-caching",
			Issue:      "https://github.com/rclone/rclone/issues/1045",
			Scripts:    []string{"rclone-sync"},
			Advice:     "use other storage: a sync does not write to the remote in any cache mode",
		}
	}
	return []Backend{mode("off"), mode("writes"), mode("full")}
}
