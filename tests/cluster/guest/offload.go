package guest

import (
	"errors"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Commands of SIOCETHTOOL that set an offload (linux/ethtool.h).
const (
	ethtoolSetTSO = 0x1f
	ethtoolSetGSO = 0x24
	ethtoolSetGRO = 0x2c
)

// ethtoolValue is struct ethtool_value.
type ethtoolValue struct{ command, data uint32 }

// ifreq is struct ifreq with a pointer in its union.
type ifreq struct {
	name [unix.IFNAMSIZ]byte
	data unsafe.Pointer
	_    [16]byte
}

// disableOffload makes the kernel pass frames to a guest one by one: its driver reports an
// error for each that is larger than the MTU.
func disableOffload(device string) (err error) {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unix.Close(socket)) }()
	for _, command := range []uint32{ethtoolSetTSO, ethtoolSetGSO, ethtoolSetGRO} {
		value := ethtoolValue{command: command}
		request := ifreq{data: unsafe.Pointer(&value)}
		copy(request.name[:unix.IFNAMSIZ-1], device)
		_, _, failed := unix.Syscall(unix.SYS_IOCTL, uintptr(socket), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request)))
		if failed != 0 {
			return failed
		}
	}
	return nil
}
