package main

import "fmt"

// davfs returns davfs2 over lighttpd, whose documents are on the disk, as is the cache of the client.
func davfs() []Backend {
	return []Backend{davfs2("davfs2 over lighttpd", ""), davfs2("davfs2 over lighttpd, no delay", "delay_upload 0")}
}

func davfs2(name, option string) Backend {
	mount := func(at, pid string) string {
		// It has no option to stay in the foreground. If it was killed, it refuses to start with its old file.
		const start = "file=/run/mount.davfs/$(echo %[1]s | cut -c2- | tr / -).pid; rm -f $file; " +
			"mount.davfs http://127.0.0.1/ %[1]s </dev/null; " +
			"until [ -s $file ]; do sleep 0.1; done; cat $file >$WORK/%[2]s; wait"
		return fmt.Sprintf(start, at, pid)
	}
	return Backend{
		Name: name, Package: "davfs2", Packages: []string{"lighttpd", "lighttpd-mod-webdav"}, Options: option,
		Setup: `mkdir $STORE/documents $STORE/cache
printf '%s\n' 'server.modules = ("mod_webdav")' 'server.port = 80' 'server.bind = "127.0.0.1"' \
    "server.document-root = \"$STORE/documents\"" "server.upload-dirs = (\"$STORE\")" 'webdav.activate = "enable"' \
    >$WORK/lighttpd.conf
printf '%s\n' 'dav_user root' 'dav_group root' 'use_locks 0' 'ask_auth 0' "cache_dir $STORE/cache" '` + option + `' \
    >$WORK/davfs2.conf
mount --bind $WORK/davfs2.conf /etc/davfs2/davfs2.conf`,
		Serve: "exec lighttpd -D -f $WORK/lighttpd.conf", Ready: connect("80"),
		Mount: mount("$MNT", "pid"), Second: mount("$OTHER", "pid2"),
		Documented: "a file is uploaded some seconds after it has been closed (delay_upload)",
		Source:     "https://manpages.ubuntu.com/manpages/lunar/man5/davfs2.conf.5.html",
		Advice:     "close a file, and rely on it only after its upload: a sync reaches only the cache of the client",
	}
}
