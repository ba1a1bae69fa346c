// Package machine describes the machine on which something is measured.
package machine

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/volume-durability/volume-durability/pkg/volume"
)

// Describe returns the processor, the number of processors, the kernel and the version of Go, in one line.
func Describe() string {
	return fmt.Sprintf("%s, %d processors, %s %s, %s",
		processor(), runtime.NumCPU(), runtime.GOOS, volume.Kernel(), runtime.Version())
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
