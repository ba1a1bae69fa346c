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

// describe prints what is measured, and on which machine.
func describe(p plan) error {
	var system unix.Utsname
	if err := unix.Uname(&system); err != nil {
		return fmt.Errorf("asking for the kernel's version: %w", err)
	}
	mount, err := volume.MountOf(filepath.Join(p.dir, "file"))
	if err != nil {
		return err
	}
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return err
	}
	fmt.Printf("%s, %d processors, Linux %s, %s on %s, %s\n", processor(), runtime.NumCPU(), unix.ByteSliceToString(system.Release[:]), mount.FSType, mount.Source, runtime.Version())
	fmt.Printf("load before: %s\n", strings.Join(strings.Fields(string(load))[:3], " "))
	fmt.Printf("journals of %d MiB, %d commits of one record, %d rounds; our own programs have one processor (GOMAXPROCS=%d)\n", p.bytes>>20, p.commits, p.rounds, runtime.GOMAXPROCS(0))
	return nil
}

// processor is the processor's name, where the kernel tells it.
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
