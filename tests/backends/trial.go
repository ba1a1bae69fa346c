package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/tests/cluster/guest"
)

// Machines describes a backend whose parts are machines of their own: the client, on which the writer runs, and the
// reader, on which the volume is mounted afterwards. The scripts are run by sh -eu on these machines. They have the
// variables
//
//	SERVER, CLIENT, READER  the addresses of the machines
//	DISK                    a folder on the machine's own disk, which is an ext4 filesystem
//	MNT                     where the storage is mounted
type Machines struct {
	// Modules are the kernel modules of all machines.
	Modules []string
	// Export are the options with which the server exports a folder over NFS.
	Export string
	// Serve starts the server, after each start of its machine.
	Serve string
	// Peer starts the replication between the client and the reader, on both.
	Peer string
	// Attach makes the storage available on the client or the reader. Mount mounts it.
	Attach, Mount string
	// Format prepares the storage once, on the client before Mount.
	Format string
	// Drop makes the storage drop what is written from now on; it is on the client.
	Drop string
}

func (m *Machines) hasServer() bool { return m != nil && (m.Export != "" || m.Serve != "") }

// isNFS reports whether the storage is an NFS server of the kernel.
func (m *Machines) isNFS() bool { return m != nil && m.Export != "" }

// isSyncNFS reports whether the server of the kernel exports with sync over NFS. isHardNFS reports whether the client
// also waits for it without a limit.
func (m *Machines) isSyncNFS() bool { return m != nil && strings.HasSuffix(m.Export, ",sync") }

func (m *Machines) isHardNFS() bool { return m.isSyncNFS() && !strings.Contains(m.Mount, "soft") }

// isHardNFS3 reports whether the client also uses version 3. With version 4.2, its list of a folder was not an old one.
func (m *Machines) isHardNFS3() bool { return m.isHardNFS() && strings.Contains(m.Mount, "nfsvers=3") }

// isLocal reports whether the storage is on the client. The client then also reads, after its restart.
func (m *Machines) isLocal() bool { return !m.hasServer() && m.Peer == "" }

// trial is a backend on machines, for one event.
type trial struct {
	Backend
	*lab
	dir                    string
	client, server, reader *machine
	acks                   *acks
}

// machineScript are the variables and functions of all scripts.
const machineScript = "SERVER=%s CLIENT=%s READER=%s DISK=%s MNT=%s\n" + guest.UntilTrue

// on runs a script of the backend on a machine.
func (t *trial) on(ctx context.Context, m *machine, script string) error {
	if script == "" {
		return nil
	}
	address := func(m *machine) string {
		if m == nil {
			return ""
		}
		return m.address
	}
	head := fmt.Sprintf(machineScript, address(t.server), address(t.client), address(t.reader), machineDisk, machineMnt)
	_, err := m.run(ctx, head+script)
	return err
}

// newTrial starts the machines, mounts the storage on the client, and starts a writer. The trial must be removed even
// if there is an error.
func (l *lab) newTrial(ctx context.Context, b Backend) (*trial, error) {
	number := int(l.trials.Add(1))
	t := &trial{Backend: b, lab: l, dir: filepath.Join(labDir, fmt.Sprintf("trial-%d", number))}
	var err error
	add := func(name string, n int) *machine {
		m, addErr := l.newMachine(ctx, t.dir, name, number, n, b.Machines.Modules)
		err = errors.Join(err, addErr)
		return m
	}
	t.client = add("client", 3)
	t.reader = t.client
	if !b.Machines.isLocal() {
		t.reader = add("reader", 4)
	}
	if b.Machines.hasServer() {
		t.server = add("server", 2)
	}
	if err != nil {
		return t, err
	}
	if b.Machines.Export != "" {
		t.server.ServeNFS(b.Machines.Export)
	}
	if err := t.startAll(ctx); err != nil {
		return t, err
	}
	return t, t.write(ctx)
}

// machines returns the machines of the trial.
func (t *trial) machines() []*machine {
	all := []*machine{t.client, t.server}
	if t.reader != t.client {
		all = append(all, t.reader)
	}
	return slices.DeleteFunc(all, func(m *machine) bool { return m == nil })
}

// startAll starts all machines, and mounts the storage on the client.
func (t *trial) startAll(ctx context.Context) error {
	group, starting := errgroup.WithContext(ctx)
	for _, m := range t.machines() {
		group.Go(func() error { return m.start(starting) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if t.server != nil {
		if err := t.on(ctx, t.server, t.Machines.Serve); err != nil {
			return err
		}
	}
	group, starting = errgroup.WithContext(ctx)
	for _, m := range []*machine{t.client, t.reader} {
		group.Go(func() error { return t.on(starting, m, t.Machines.Peer) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, script := range []string{t.Machines.Attach, t.Machines.Format, t.mount()} {
		if err := t.on(ctx, t.client, script); err != nil {
			return err
		}
	}
	return nil
}

func (t *trial) mount() string { return "mkdir -p $MNT; " + t.Machines.Mount }

// firstAcks is how many messages a writer must have sent before something happens.
const firstAcks = 100

// startWriter starts a writer with more flags.
func (t *trial) startWriter(ctx context.Context, flags string) error {
	var err error
	if t.acks, err = listen(labAddress); err != nil {
		return err
	}
	line := fmt.Sprintf("setsid sh -c 'echo $$ >/run/writer.pid; exec %s local write '$MNT' --acks tcp://%s %s' "+
		"</dev/null >/run/writer 2>&1 &", t.program, t.acks.listener.Addr(), flags)
	return t.on(ctx, t.client, line)
}

// write starts the writer and waits for its first acknowledgements. The server then writes its page cache to its disk,
// as its kernel does after some time, and the writer continues.
func (t *trial) write(ctx context.Context) error {
	if err := t.startWriter(ctx, ""); err != nil {
		return err
	}
	if err := t.awaitAcks(ctx); err != nil || t.server == nil {
		return err
	}
	if _, err := t.server.run(ctx, "sync"); err != nil {
		return err
	}
	return t.awaitAcks(ctx)
}

// awaitAcks waits until the writer has sent more acknowledgements.
func (t *trial) awaitAcks(ctx context.Context) error {
	n, err := t.acks.more(ctx, firstAcks, patience)
	if err == nil && n < firstAcks {
		output, runErr := t.client.run(ctx, "cat /run/writer")
		err = errors.Join(fmt.Errorf("the writer sent %d acknowledgements: %s", n, tail(output)), runErr)
	}
	return err
}

// failure returns the system error of a writer that has ended by itself, "" if it still runs.
func (t *trial) failure(ctx context.Context) (string, error) {
	if !t.acks.ended() {
		return "", nil
	}
	output, err := t.client.run(ctx, "cat /run/writer")
	return errnoIn(output), err
}

// endWriter ends the processes of the writer with a signal and waits until they have ended.
func (t *trial) endWriter(ctx context.Context, signal string) error {
	if err := t.signalWriter(ctx, signal); err != nil {
		return err
	}
	return until(ctx, "the end of the writer", t.acks.ended)
}

// signalWriter sends a signal to the processes of the writer.
func (t *trial) signalWriter(ctx context.Context, signal string) error {
	_, err := t.client.run(ctx, "pkill -"+signal+" -s $(cat /run/writer.pid)")
	return err
}

// startServer starts the machine of the server again.
func (t *trial) startServer(ctx context.Context) error {
	if err := t.server.start(ctx); err != nil {
		return err
	}
	return t.on(ctx, t.server, t.Machines.Serve)
}

// read mounts the storage on the reader, and checks the journal against the acknowledgements. The client is off.
func (t *trial) read(ctx context.Context) (Outcome, error) {
	sent := t.acks.lines()
	if t.reader == t.client {
		if err := t.client.start(ctx); err != nil {
			return Outcome{}, err
		}
	}
	if err := t.on(ctx, t.reader, t.Machines.Attach); err != nil {
		return Outcome{}, err
	}
	if err := t.on(ctx, t.reader, t.mount()); err != nil {
		return Outcome{Verdict: Unavailable, Reason: err.Error()}, nil
	}
	return t.verify(ctx, t.reader, sent)
}

// verify checks the journal on a machine.
func (t *trial) verify(ctx context.Context, on *machine, sent []byte) (Outcome, error) {
	output, err := protocol.ReadOutput(strings.NewReader(string(sent)))
	if err != nil {
		return Outcome{}, fmt.Errorf("reading the acknowledgements: %w", err)
	}
	file := filepath.Join(t.dir, "sent")
	if err := os.WriteFile(file, sent, 0o600); err != nil {
		return Outcome{}, err
	}
	// The exit code of a verdict is no error.
	text, err := on.run(ctx, fmt.Sprintf("cd /run; %s verify --journal %s --acks %s -ojson >result 2>error || "+
		"[ -s result ] || cat error; cat result", t.program, output.Journal.Path, file))
	if err != nil {
		return Outcome{}, err
	}
	return readVerification([]byte(text))
}

// remove removes the machines.
func (t *trial) remove(ctx context.Context) error {
	var failures []error
	for _, m := range t.machines() {
		failures = append(failures, m.remove(ctx))
	}
	if t.acks != nil {
		failures = append(failures, t.acks.close())
	}
	return errors.Join(append(failures, os.RemoveAll(t.dir))...)
}
