//go:build unix

package local

import "syscall"

// ownGroup starts a process in a process group of its own.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// killGroup kills a process and all that it has started.
func killGroup(pid int) error { return syscall.Kill(-pid, syscall.SIGKILL) }
