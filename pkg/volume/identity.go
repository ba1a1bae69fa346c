//go:build linux

package volume

import (
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/volume-durability/volume-durability/pkg/protocol"
)

// BootID identifies the start of the kernel that this runs on; empty where it does not tell.
func BootID() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(id))
}

// deviceOf tells a block device in place of the mount that a file would be on.
func blockDeviceMount(path string) (protocol.Mount, error) {
	var device unix.Stat_t
	if err := unix.Stat(path, &device); err != nil {
		return protocol.Mount{}, fmt.Errorf("looking at the device %s: %w", path, err)
	}
	return protocol.Mount{
		FSType: protocol.BlockDevice, Point: path, Source: path,
		Device:   fmt.Sprintf("%d:%d", unix.Major(device.Rdev), unix.Minor(device.Rdev)),
		Sequence: diskSequence(path),
	}, nil
}

// diskSequence is 0 where the kernel, older than 5.15, does not tell.
func diskSequence(path string) uint64 {
	var sequence uint64
	if err := ask(path, unix.BLKGETDISKSEQ, unsafe.Pointer(&sequence)); err != nil {
		return 0
	}
	return sequence
}

// getFSUUID is FS_IOC_GETFSUUID, which the system package does not name yet: it
// reads a fsuuid2, which is number 0 of the kind 0x15 of linux/fs.h.
const getFSUUID = 2<<30 | uint(unsafe.Sizeof(fsuuid2{}))<<16 | 0x15<<8

type fsuuid2 struct {
	length uint8
	uuid   [16]byte
}

// filesystemUUID is that of the filesystem that a folder is on; empty where it has
// none, or the kernel, older than 6.9, does not tell.
func filesystemUUID(folder string) string {
	var id fsuuid2
	if err := ask(folder, getFSUUID, unsafe.Pointer(&id)); err != nil {
		return ""
	}
	return id.String()
}

// String is the usual form of a UUID, or the digits alone where it is shorter.
func (f fsuuid2) String() string {
	digits := hex.EncodeToString(f.uuid[:min(int(f.length), len(f.uuid))])
	if int(f.length) < len(f.uuid) {
		return digits
	}
	return strings.Join([]string{digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]}, "-")
}

// ask makes a request of the kernel about what is at a path (ioctl(2)).
func ask(path string, request uint, answer unsafe.Pointer) error {
	at, err := os.Open(path)
	if err != nil {
		return err
	}
	defer at.Close()
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, at.Fd(), uintptr(request), uintptr(answer)); errno != 0 {
		return errno
	}
	return nil
}
