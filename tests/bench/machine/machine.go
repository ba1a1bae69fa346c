//go:build linux

// Package machine describes the machine on which something is measured.
package machine

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// Describe returns the processor, the number of processors, the kernel and the version of Go, in one line.
func Describe() (string, error) {
	var system unix.Utsname
	if err := unix.Uname(&system); err != nil {
		return "", fmt.Errorf("reading the kernel's version: %w", err)
	}
	kernel := unix.ByteSliceToString(system.Release[:])
	return fmt.Sprintf("%s, %d processors, Linux %s, %s", processor(), runtime.NumCPU(), kernel, runtime.Version()), nil
}

// processor returns the name of the processor, or the architecture if the kernel does not report it.
func processor() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(info)) {
		if name, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}
