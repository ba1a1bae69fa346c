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

// BootID returns the ID of the current boot of the kernel; empty if it cannot be read.
func BootID() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(id))
}

// Kernel returns the release of the kernel; empty if it cannot be read.
func Kernel() string {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return ""
	}
	return unix.ByteSliceToString(name.Release[:])
}

// blockDeviceMount returns a Mount that describes a block device.
func blockDeviceMount(path string) (protocol.Mount, error) {
	var device unix.Stat_t
	if err := unix.Stat(path, &device); err != nil {
		return protocol.Mount{}, fmt.Errorf("stat of the device %s: %w", path, err)
	}
	return protocol.Mount{
		FSType: protocol.BlockDevice, Point: path, Source: path,
		Device:       fmt.Sprintf("%d:%d", unix.Major(device.Rdev), unix.Minor(device.Rdev)),
		DiskSequence: diskSequence(path),
	}, nil
}

// diskSequence returns the sequence number of a disk; 0 on kernels before 5.15.
func diskSequence(path string) uint64 {
	var sequence uint64
	if err := ioctl(path, unix.BLKGETDISKSEQ, unsafe.Pointer(&sequence)); err != nil {
		return 0
	}
	return sequence
}

// getFSUUID is FS_IOC_GETFSUUID, which golang.org/x/sys/unix does not define yet. It is
// _IOR(0x15, 0, struct fsuuid2) in linux/fs.h.
const getFSUUID = 2<<30 | uint(unsafe.Sizeof(fsuuid2{}))<<16 | 0x15<<8

type fsuuid2 struct {
	length uint8
	uuid   [16]byte
}

// filesystemUUID returns the UUID of the filesystem that holds a folder. It returns "" if
// the filesystem has none, and on kernels before 6.9.
func filesystemUUID(folder string) string {
	var id fsuuid2
	if err := ioctl(folder, getFSUUID, unsafe.Pointer(&id)); err != nil {
		return ""
	}
	return id.String()
}

// String returns the UUID in its usual form, or only digits if it is shorter than usual.
func (f fsuuid2) String() string {
	digits := hex.EncodeToString(f.uuid[:min(int(f.length), len(f.uuid))])
	if int(f.length) < len(f.uuid) {
		return digits
	}
	return strings.Join([]string{digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]}, "-")
}

// ioctl opens a path and makes an ioctl(2) request on it.
func ioctl(path string, request uint, answer unsafe.Pointer) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, file.Fd(), uintptr(request), uintptr(answer)); errno != 0 {
		return errno
	}
	return nil
}
