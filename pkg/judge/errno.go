package judge

import (
	"errors"
	"slices"
	"syscall"
)

// euclean is Linux's EUCLEAN. Package syscall does not define it for other systems, on which bundles are judged too.
const euclean syscall.Errno = 117

// ClassOfError returns the class of finding for an error of the volume after records were
// acknowledged. It returns "" for an error that may have another cause than the volume.
func ClassOfError(err error) Class {
	if errors.Is(err, syscall.EROFS) {
		return ReadOnly
	}
	unavailable := []syscall.Errno{
		syscall.EIO, syscall.ESTALE, syscall.ENODEV, syscall.ENXIO, euclean, syscall.ENOTCONN, syscall.ETIMEDOUT,
	}
	if slices.ContainsFunc(unavailable, func(e syscall.Errno) bool { return errors.Is(err, e) }) {
		return Unavailable
	}
	return ""
}
