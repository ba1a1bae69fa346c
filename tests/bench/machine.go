package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/volume-durability/volume-durability/pkg/volume"
	"github.com/volume-durability/volume-durability/tests/bench/machine"
)

// describe prints the machine and the sizes of the measurements.
func describe(p plan) error {
	mount, err := volume.MountOf(filepath.Join(p.dir, "file"))
	if err != nil {
		return err
	}
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return err
	}
	fmt.Printf("%s, %s on %s\n", machine.Describe(), mount.FSType, mount.Source)
	fmt.Printf("load before the measurements: %s\n", strings.Join(strings.Fields(string(load))[:3], " "))
	fmt.Printf("journals of %d MiB, %d commits of one record, %d rounds; scanner limited to GOMAXPROCS=%d\n",
		p.bytes>>20, p.commits, p.rounds, runtime.GOMAXPROCS(0))
	return nil
}
