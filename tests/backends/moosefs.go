package main

import "strings"

// mooses returns MooseFS with a master and a chunkserver, which keeps one copy. It refuses the addresses 127.0.0.0/8.
func mooses() []Backend {
	return []Backend{
		moosefs("MooseFS"),
		moosefs("MooseFS, synchronous", "HDD_FSYNC_BEFORE_CLOSE = 1", "CHANGELOG_SAVE_MODE = 2"),
	}
}

func moosefs(name string, settings ...string) Backend {
	const mount = "mfsmount -f -H 10.0.0.1 "
	return Backend{
		Name: name, Package: "moosefs-client", Packages: []string{"moosefs-master", "moosefs-chunkserver"},
		Options: strings.Join(append([]string{"one copy"}, settings...), ", "), Size: "1G",
		Setup: `ip address add 10.0.0.1/32 dev lo
mkdir $STORE/master $STORE/chunkserver $STORE/chunks
cp /var/lib/mfs/metadata.mfs.empty $STORE/master/metadata.mfs
for part in master chunkserver; do
    printf '%s = %s\n' WORKING_USER root WORKING_GROUP root DATA_PATH $STORE/$part MASTER_HOST 10.0.0.1 \
        HDD_CONF_FILENAME $WORK/hdd EXPORTS_FILENAME $WORK/exports HDD_LEAVE_SPACE_DEFAULT 1MiB >$WORK/$part.cfg
    printf '%s\n' '` + strings.Join(settings, "' '") + `' >>$WORK/$part.cfg
done
echo $STORE/chunks >$WORK/hdd
echo '* / rw,alldirs,admin,maproot=0:0' >$WORK/exports`,
		Serve: "mfsmaster -f -a -c $WORK/master.cfg start & mfschunkserver -f -c $WORK/chunkserver.cfg start & wait",
		Ready: connect("9421") + "; " + connect("9422"),
		Mount: mount + "$MNT", Second: mount + "$OTHER",
		Documented: "by default, a chunkserver does not sync a chunk",
		Source:     "https://manpages.ubuntu.com/manpages/lunar/man5/mfschunkserver.cfg.5.html",
		Issue:      "https://github.com/moosefs/moosefs/issues/115",
		Scripts:    []string{"moosefs-fsync", "moosefs-killed"},
		Advice: "set `HDD_FSYNC_BEFORE_CLOSE = 1` in mfschunkserver.cfg and `CHANGELOG_SAVE_MODE = 2` in mfsmaster.cfg " +
			"to lose less; the last records may still be lost, because the chunkserver answers before it syncs",
	}
}
