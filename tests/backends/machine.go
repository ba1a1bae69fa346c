package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/volume-durability/volume-durability/tests/cluster/guest"
	"github.com/volume-durability/volume-durability/tests/cluster/guest/agent"
	"github.com/volume-durability/volume-durability/tests/cluster/process"
)

// Where a machine has its disk, and where it mounts the storage.
const (
	machineDisk = "/disk"
	machineMnt  = "/mnt/storage"
)

// errMachine reports that a machine does not work. It says nothing about the storage.
var errMachine = errors.New("a machine of its own failed")

// machine is a machine of its own: a user-mode Linux guest.
type machine struct {
	guest.Description
	hardware guest.Hardware
	packages guest.Packages
	address  string
	agent    *agent.Client
	table    process.Table
	running  process.Record
}

// newMachine describes a machine of a trial and makes its disk and its network device. It is off.
func (l *lab) newMachine(ctx context.Context, dir, name string, trial, number int, modules []string) (*machine, error) {
	own := filepath.Join(dir, name)
	if err := os.MkdirAll(own, 0o755); err != nil {
		return nil, err
	}
	m := &machine{
		packages: l.packages, address: fmt.Sprintf("10.216.%d.%d", trial, number),
		table: process.Table{Dir: own, Logs: own},
	}
	listen := fmt.Sprintf("%s:%d", m.address, agent.Port)
	serving, err := l.authority.Server(fmt.Sprintf("machine-%d-%d", trial, number), nil, m.address)
	if err != nil {
		return nil, err
	}
	m.agent, err = agent.NewClient(listen, l.operator.Cert, l.operator.Key, l.authority.CertFile())
	if err != nil {
		return nil, err
	}
	m.hardware = guest.Hardware{
		Name: name, Memory: "256M", Disk: filepath.Join(own, "disk"), Dir: own, Init: l.init,
		Tap: fmt.Sprintf("%s%d-%d", labTaps, trial, number), Description: filepath.Join(own, "description.json"),
	}
	m.Description = guest.Description{
		Name: name, Packages: l.packages.Dir, Modules: append([]string{"bridge"}, modules...),
		Network: guest.Network{
			Bridge: labBridge, Address: m.address + "/16", Hardware: fmt.Sprintf("02:76:64:62:%02x:%02x", trial, number),
		},
		State: labDir, Disk: machineDisk,
		Agent: guest.Agent{Listen: listen, Cert: serving.Cert, Key: serving.Key, CA: l.authority.CertFile()},
	}
	return m, errors.Join(guest.MakeDisk(ctx, m.hardware.Disk), guest.AddTap(ctx, m.hardware.Tap, labBridge))
}

// start switches the machine on, and returns once its agent answers.
func (m *machine) start(ctx context.Context) error {
	if err := m.Write(m.hardware.Description); err != nil {
		return err
	}
	var err error
	if m.running, err = m.table.Start(guest.Kernel(m.packages, m.hardware)); err != nil {
		return err
	}
	return m.await(ctx)
}

// await waits until the agent of the machine answers.
func (m *machine) await(ctx context.Context) error {
	answers := func() bool {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		_, err := m.agent.Run(ctx, "true")
		return err == nil || !m.running.Alive()
	}
	err := until(ctx, "the machine "+m.Name+" answers", answers)
	if err == nil && !m.running.Alive() {
		err = fmt.Errorf("the machine %s has ended", m.Name)
	}
	if err != nil {
		return fmt.Errorf("%w: %w: %s", errMachine, err, tail(m.table.Tail(m.running.Name, 30)))
	}
	return nil
}

// cut cuts the power of the machine.
func (m *machine) cut(ctx context.Context) error { return guest.Cut(ctx, m.running, m.hardware.Disk) }

// remove ends the machine and removes its network device.
func (m *machine) remove(ctx context.Context) error {
	return errors.Join(guest.KillUsers(ctx, m.hardware.Dir), guest.RemoveTap(ctx, m.hardware.Tap))
}

// run runs a script on the machine.
func (m *machine) run(ctx context.Context, script string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	output, err := m.agent.Run(ctx, "sh", "-euc", script)
	if err != nil {
		return output, fmt.Errorf("on the machine %s: %s", m.Name, tail(err.Error()))
	}
	return output, nil
}
