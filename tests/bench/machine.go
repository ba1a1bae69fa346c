package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/volume-durability/volume-durability/pkg/volume"
)

// describe prints the machine and the sizes of the measurements.
func describe(p plan) error {
	var system unix.Utsname
	if err := unix.Uname(&system); err != nil {
		return fmt.Errorf("reading the kernel's version: %w", err)
	}
	mount, err := volume.MountOf(filepath.Join(p.dir, "file"))
	if err != nil {
		return err
	}
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return err
	}
	kernel := unix.ByteSliceToString(system.Release[:])
	fmt.Printf("%s, %d processors, Linux %s, %s on %s, %s\n",
		processor(), runtime.NumCPU(), kernel, mount.FSType, mount.Source, runtime.Version())
	fmt.Printf("load before the measurements: %s\n", strings.Join(strings.Fields(string(load))[:3], " "))
	fmt.Printf("journals of %d MiB, %d commits of one record, %d rounds; scanner and writer limited to GOMAXPROCS=%d\n",
		p.bytes>>20, p.commits, p.rounds, runtime.GOMAXPROCS(0))
	return nil
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
