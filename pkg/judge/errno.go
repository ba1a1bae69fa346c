package judge

import (
	"errors"
	"slices"
	"syscall"
)

// Numbers of Linux that package syscall does not define for every system on which bundles are judged.
const (
	enodata   syscall.Errno = 61
	enolink   syscall.Errno = 67
	ebadmsg   syscall.Errno = 74
	eilseq    syscall.Errno = 84
	euclean   syscall.Errno = 117
	eremoteio syscall.Errno = 121
	enomedium syscall.Errno = 123
)

// errnoClass is the class of a system error of a volume.
type errnoClass struct {
	Errno syscall.Errno
	Name  string
	Class Class
	// Source is which storage returns the error, and when.
	Source string
}

// errnoClasses returns every error that only the volume can have caused. An error that also has other causes, such as
// EACCES, ENOSPC, EDQUOT or EBADE (another client reserved the device), has no class.
func errnoClasses() []errnoClass {
	return []errnoClass{
		{syscall.EROFS, "EROFS", ReadOnly, "ext4, btrfs and others, after they failed to write their own data"},
		{syscall.EIO, "EIO", Unavailable, "a device or a server that failed; XFS after a shutdown"},
		{syscall.ENOTCONN, "ENOTCONN", Unavailable, "FUSE: the daemon is dead. GlusterFS: no server can be reached"},
		{syscall.ECONNABORTED, "ECONNABORTED", Unavailable, "FUSE: the daemon died during the call"},
		{syscall.ESTALE, "ESTALE", Unavailable, "NFS: the server does not know the file any more"},
		{syscall.ESHUTDOWN, "ESHUTDOWN", Unavailable, "CephFS: the cluster evicted the client"},
		{syscall.EHOSTDOWN, "EHOSTDOWN", Unavailable, "SMB: the server does not answer"},
		{syscall.EHOSTUNREACH, "EHOSTUNREACH", Unavailable, "network filesystems: there is no route to the server"},
		{syscall.ECONNREFUSED, "ECONNREFUSED", Unavailable, "network filesystems: no server listens"},
		{syscall.ECONNRESET, "ECONNRESET", Unavailable, "network filesystems: the server closed the connection"},
		{syscall.ETIMEDOUT, "ETIMEDOUT", Unavailable, "NFS mounted with `softerr`; a block device that does not answer"},
		{enolink, "ENOLINK", Unavailable, "block devices: no path to the device is left"},
		{eremoteio, "EREMOTEIO", Unavailable, "block devices: the target failed; 9p"},
		{enodata, "ENODATA", Unavailable, "block devices: a medium error"},
		{eilseq, "EILSEQ", Unavailable, "block devices: a protection error"},
		{syscall.ENODEV, "ENODEV", Unavailable, "block devices: the device is offline"},
		{syscall.ENXIO, "ENXIO", Unavailable, "block devices: the device is gone"},
		{enomedium, "ENOMEDIUM", Unavailable, "block devices: the medium was removed"},
		{euclean, "EUCLEAN", Unavailable, "ext4, XFS and others: the filesystem is damaged"},
		{ebadmsg, "EBADMSG", Unavailable, "ext4, XFS and others: a checksum of the filesystem is wrong"},
	}
}

// ClassOfError returns the class of finding for an error of the volume after records were
// acknowledged. It returns "" for an error that may have another cause than the volume.
func ClassOfError(err error) Class {
	all := errnoClasses()
	i := slices.IndexFunc(all, func(e errnoClass) bool { return errors.Is(err, e.Errno) })
	if i < 0 {
		return ""
	}
	return all[i].Class
}
