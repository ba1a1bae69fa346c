package judge

import (
	"errors"
	"slices"
	"syscall"
)

// euclean is Linux's EUCLEAN, which other systems do not name: there the judge reads
// what was recorded, and asks no volume anything.
const euclean syscall.Errno = 117

// ClassOfError is the class of finding that an error of the volume's is, once something
// had been acknowledged: it says that the volume is gone, or no longer to be
// written. Any other error is none: it need not be the volume's fault.
func ClassOfError(err error) Class {
	if errors.Is(err, syscall.EROFS) {
		return ReadOnly
	}
	gone := []syscall.Errno{syscall.EIO, syscall.ESTALE, syscall.ENODEV, syscall.ENXIO, euclean, syscall.ENOTCONN, syscall.ETIMEDOUT}
	if slices.ContainsFunc(gone, func(e syscall.Errno) bool { return errors.Is(err, e) }) {
		return Unavailable
	}
	return ""
}
