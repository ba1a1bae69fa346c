//go:build linux || darwin

package volume

import (
	"errors"
	"fmt"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/volume-durability/volume-durability/pkg/advice"
)

// LimitError is the error of a call that the filesystem or the device does not support or refuses. It is no
// evidence about the data on the volume.
type LimitError struct {
	// Limit is what the filesystem cannot do, Call the system call that failed.
	Limit, Call string
	// Instead is what can be done instead, in the imperative.
	Instead string
	Errno   syscall.Errno
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("%s: %s failed: %v (%s)%s", e.Limit, e.Call, e.Errno, unix.ErrnoName(e.Errno),
		advice.Sentence(e.Instead))
}

// IsUnsupported reports whether the filesystem or the device does not support the call. Otherwise another process or
// service has caused the error.
func (e *LimitError) IsUnsupported() bool { return e.Errno != unix.ENOLCK && e.Errno != unix.EBUSY }

// Unwrap makes errors.Is(err, syscall.EINVAL) and the like work.
func (e *LimitError) Unwrap() error { return e.Errno }

// unsupported are the errors with which filesystems answer a call that they do not support.
func unsupported() []syscall.Errno {
	return []syscall.Errno{unix.EINVAL, unix.ENOSYS, unix.ENOTSUP, unix.EOPNOTSUPP}
}

// isUnsupported reports whether an error means that a filesystem does not support a call.
func isUnsupported(err error) bool {
	var errno syscall.Errno
	return errors.As(err, &errno) && slices.Contains(unsupported(), errno)
}

// appendLimit returns the error of a call that opens a file for appending or appends to it, as a LimitError if the
// filesystem cannot append. Some object stores answer with EPERM when an existing file is opened, or with ESPIPE when
// it is written.
func appendLimit(call string, err error) error {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return err
	}
	if errno != unix.EPERM && errno != unix.ESPIPE && !isUnsupported(err) {
		return lockLimit(call, err)
	}
	return &LimitError{
		Limit: "the filesystem cannot append to a file", Call: call, Errno: errno,
		Instead: "use a volume with another filesystem, or a raw block device, which is written without appending",
	}
}

// syncLimit returns the error of fdatasync(2), as a LimitError if the filesystem cannot sync.
func syncLimit(err error) error { return callLimit("fdatasync(2)", err) }

// callLimit returns the error of a call that syncs, as a LimitError if the filesystem cannot sync.
func callLimit(call string, err error) error {
	var errno syscall.Errno
	if !errors.As(err, &errno) || !isUnsupported(err) {
		return lockLimit(call, err)
	}
	return &LimitError{
		Limit: "the filesystem cannot sync a file", Call: call, Errno: errno,
		Instead: "use a volume with another filesystem, or a raw block device: without a sync, no record can be acknowledged",
	}
}

// lockLimit returns the error of a call, as a LimitError if the filesystem could not lock the file.
func lockLimit(call string, err error) error {
	if !errors.Is(err, unix.ENOLCK) {
		return err
	}
	return &LimitError{
		Limit: "the filesystem cannot lock the file", Call: call, Errno: unix.ENOLCK,
		Instead: "start the lock service of the filesystem, or mount it without locks, as with nolock for NFS: " +
			"a run takes no lock on a file",
	}
}

// MsyncLimit returns the error of msync(2), as a LimitError if the filesystem cannot sync.
func MsyncLimit(err error) error { return callLimit("msync(2)", err) }

// patternLimit returns the error of a call that only some write patterns need, as a LimitError if the filesystem does
// not support the call. Others are further errors that mean this.
func patternLimit(limit, call string, err error, others ...syscall.Errno) error {
	var errno syscall.Errno
	if !errors.As(err, &errno) || !isUnsupported(err) && !slices.Contains(others, errno) {
		return err
	}
	return &LimitError{Limit: limit, Call: call, Errno: errno, Instead: "test another write pattern, such as append"}
}

// inPlaceLimit is patternLimit for a call that overwrites a file in place.
func inPlaceLimit(call string, err error, others ...syscall.Errno) error {
	return patternLimit("the filesystem cannot overwrite a file in place", call, err, others...)
}

// folderSyncLimit returns the error of fsync(2) of a folder, as a LimitError if the filesystem cannot sync a folder.
func folderSyncLimit(err error) error {
	return patternLimit("the filesystem cannot sync a folder, so no file name can be acknowledged",
		"fsync(2) of a folder", err)
}

// MapLimit returns the error of mmap(2), as a LimitError if the filesystem cannot map a file.
func MapLimit(err error) error {
	return patternLimit("the filesystem cannot map a file into memory", "mmap(2)", err, unix.ENODEV)
}
