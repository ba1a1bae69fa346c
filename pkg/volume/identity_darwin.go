package volume

import "golang.org/x/sys/unix"

// BootID returns the ID of the current boot of the kernel; empty if it cannot be read.
func BootID() string {
	id, err := unix.Sysctl("kern.bootsessionuuid")
	if err != nil {
		return ""
	}
	return id
}

// Kernel returns the release of the kernel; empty if it cannot be read.
func Kernel() string {
	release, err := unix.Sysctl("kern.osrelease")
	if err != nil {
		return ""
	}
	return release
}
