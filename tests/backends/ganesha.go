package main

// ganesha is the NFS server NFS-Ganesha with a folder of its disk.
func ganesha() Backend {
	return Backend{
		Name: "NFS-Ganesha, version 4.2", Package: "nfs-ganesha-vfs",
		Machines: &Machines{
			Modules: []string{"nfsv4"},
			Serve: `mkdir -p $DISK/export $DISK/ganesha /var/lib/nfs/ganesha /run/ganesha
chmod 0777 $DISK/export
mount --bind $DISK/ganesha /var/lib/nfs/ganesha
cat >/run/ganesha.conf <<END
NFS_CORE_PARAM { Protocols = 4; Enable_NLM = false; Enable_RQUOTA = false; }
NFSV4 { Grace_Period = 10; Lease_Lifetime = 10; RecoveryBackend = fs; }
EXPORT {
    Export_Id = 1; Path = $DISK/export; Pseudo = /export; Access_Type = RW; Squash = No_Root_Squash; SecType = sys;
    FSAL { Name = VFS; }
}
END
ganesha.nfsd -f /run/ganesha.conf -L /run/ganesha.log -p /run/ganesha.pid
until_true bash -c '</dev/tcp/127.0.0.1/2049'`,
			Mount: "mount -t nfs -o nfsvers=4.2 $SERVER:/export $MNT",
		},
	}
}
