package main

// ceph is CephFS of one monitor, one OSD and one metadata server.
func ceph() Backend {
	const mount = "ceph-fuse -f --conf $WORK/ceph.conf -n client.admin "
	return Backend{
		Name: "CephFS, ceph-fuse", Package: "ceph-fuse", Packages: []string{"ceph-mon", "ceph-osd", "ceph-mds"},
		Options: "one copy", Size: "6G",
		Setup: `mkdir $STORE/mon $STORE/osd $STORE/mds $WORK/log.ceph
cat >$WORK/ceph.conf <<END
[global]
fsid = 0b4f6b0e-6d0c-4a3f-9a6e-2f1f4f4c7f10
mon host = v2:127.0.0.1:3300
public addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
run dir = $WORK
log file = $WORK/log.ceph/\$name
mon data = $STORE/mon
mon allow pool size one = true
osd data = $STORE/osd
osd objectstore = bluestore
bluestore block size = 3221225472
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mds data = $STORE/mds
END
export CEPH_CONF=$WORK/ceph.conf
monmaptool --create --fsid 0b4f6b0e-6d0c-4a3f-9a6e-2f1f4f4c7f10 --addv a '[v2:127.0.0.1:3300]' $WORK/monmap
ceph-mon --mkfs -i a --monmap $WORK/monmap
ceph-mon -f -i a & mon=$!
ceph osd new 7b0c9a5e-62f0-4f3f-9d53-5b8f6f0d1a11 0
ceph-osd -i 0 --mkfs --osd-uuid 7b0c9a5e-62f0-4f3f-9d53-5b8f6f0d1a11
ceph osd pool create metadata 8; ceph osd pool create data 8; ceph fs new fs metadata data
kill $mon; wait`,
		Serve: "export CEPH_CONF=$WORK/ceph.conf; ceph-mon -f -i a & ceph-osd -f -i 0 & ceph-mds -f -i a & wait",
		// The daemon is asked, because after a restart the monitor still lists the old one as active.
		Ready: `timeout 10 ceph --conf $WORK/ceph.conf tell mds.a status | grep -q '"state": "up:active"'`,
		Mount: mount + "$MNT", Second: mount + "$OTHER",
	}
}
