package volume

import (
	"fmt"
	"io/fs"
)

// KindOf returns the kind of file that a mode describes, with its article, such as "a FIFO".
func KindOf(mode fs.FileMode) string {
	switch {
	case mode.IsRegular():
		return "a regular file"
	case mode.IsDir():
		return "a folder"
	case mode&fs.ModeSymlink != 0:
		return "a symbolic link"
	case mode&fs.ModeNamedPipe != 0:
		return "a FIFO"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeCharDevice != 0:
		return "a character device"
	case mode&fs.ModeDevice != 0:
		return "a block device"
	}
	return "of an unknown kind"
}

// KindError is the error to open a FIFO, a folder or anything else instead of a regular file.
type KindError struct{ Mode fs.FileMode }

func (e KindError) Error() string { return "it is " + KindOf(e.Mode) + ", not a regular file" }

// CheckJournalMode returns an error unless the file mode is that of a regular file or a block device. Opening a FIFO
// would wait for another process.
func CheckJournalMode(path string, mode fs.FileMode) error {
	if mode.IsRegular() || mode&fs.ModeDevice != 0 && mode&fs.ModeCharDevice == 0 {
		return nil
	}
	return fmt.Errorf("%s is %s: want a regular file or a block device", path, KindOf(mode))
}
