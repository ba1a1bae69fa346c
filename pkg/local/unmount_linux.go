package local

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/volume-durability/volume-durability/pkg/provenance"
)

// unmountWatch sees whether the filesystem of a folder is unmounted: the kernel
// sends IN_UNMOUNT (inotify(7)) when it gives the filesystem up, not while another
// mount of it remains.
type unmountWatch struct{ fd int }

// watchUnmount begins to watch. The watch does not keep the filesystem busy.
func watchUnmount(folder string) (*unmountWatch, error) {
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("watching %s for unmount: %w", folder, err)
	}
	if _, err := unix.InotifyAddWatch(fd, folder, unix.IN_DELETE_SELF); err != nil {
		return nil, errors.Join(fmt.Errorf("watching %s for unmount: %w", folder, err), unix.Close(fd))
	}
	return &unmountWatch{fd}, nil
}

// observe reports whether the filesystem was unmounted since the watch began.
func (w *unmountWatch) observe() provenance.Observation {
	buffer := make([]byte, 64<<10)
	n, err := unix.Read(w.fd, buffer)
	if errors.Is(err, unix.EAGAIN) {
		return provenance.Observed(provenance.No, "the filesystem stayed mounted (inotify)")
	}
	if err != nil {
		return provenance.Observed(provenance.Unknown, "reading from inotify: %v", err)
	}
	for b := buffer[:n]; len(b) >= unix.SizeofInotifyEvent; {
		mask := binary.NativeEndian.Uint32(b[unsafe.Offsetof(unix.InotifyEvent{}.Mask):])
		if mask&unix.IN_UNMOUNT != 0 {
			return provenance.Observed(provenance.Yes,
				"the kernel reported that the filesystem was unmounted (inotify, IN_UNMOUNT)")
		}
		name := binary.NativeEndian.Uint32(b[unsafe.Offsetof(unix.InotifyEvent{}.Len):])
		b = b[min(len(b), unix.SizeofInotifyEvent+int(name)):]
	}
	return provenance.Observed(provenance.No, "the filesystem stayed mounted (inotify)")
}

func (w *unmountWatch) close() error { return unix.Close(w.fd) }
