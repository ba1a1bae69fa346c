package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/tests/cluster/guest"
)

// readByWriter cuts the power of the server. The writer continues, and then the client itself reads through the same
// mount: it must not read what is lost from its page cache. So the reader must find the same.
func readByWriter(ctx context.Context, t *trial) (Outcome, error) {
	if err := t.restartServer(ctx); err != nil {
		return Outcome{}, err
	}
	if _, err := t.acks.more(ctx, firstAcks, continues); err != nil {
		return Outcome{}, err
	}
	if !t.acks.ended() {
		if err := t.endWriter(ctx, "TERM"); err != nil {
			return Outcome{}, err
		}
	}
	here, err := t.verify(ctx, t.client, t.acks.lines())
	if err != nil {
		return here, err
	}
	there, err := clientCut(ctx, t)
	if err == nil && (here.Verdict != there.Verdict || here.Lost != there.Lost) {
		err = fmt.Errorf("the client found: %s; the reader: %s", here, there)
	}
	return here, err
}

// readEarly mounts the storage on the reader with nocto, and lists the files of a writer that creates and removes them.
// After the writer has continued, the reader reads at once, through the same mount, which may still have the old list.
func readEarly(ctx context.Context, t *trial) (Outcome, error) {
	if err := errors.Join(t.endWriter(ctx, "TERM"), t.acks.close()); err != nil {
		return Outcome{}, err
	}
	if err := t.startWriter(ctx, "--write-pattern remove --write-objects 20"); err != nil {
		return Outcome{}, err
	}
	if err := t.awaitAcks(ctx); err != nil {
		return Outcome{}, err
	}
	output, err := protocol.ReadOutput(bytes.NewReader(t.acks.complete()))
	if err != nil {
		return Outcome{}, err
	}
	nocto := strings.Replace(t.mount(), " -o ", " -o nocto,", 1)
	// A writer that runs would remove files while they are listed: the client then asks for the list again.
	if err := t.signalWriter(ctx, "STOP"); err != nil {
		return Outcome{}, err
	}
	if err := t.on(ctx, t.reader, nocto+"; ls "+output.Journal.Path+" >/dev/null"); err != nil {
		return Outcome{}, err
	}
	if err := t.signalWriter(ctx, "CONT"); err != nil {
		return Outcome{}, err
	}
	if _, err := t.acks.more(ctx, firstAcks, continues); err != nil {
		return Outcome{}, err
	}
	if err := t.endWriter(ctx, "TERM"); err != nil {
		return Outcome{}, err
	}
	o, err := t.verify(ctx, t.reader, t.acks.lines())
	if err != nil {
		return o, err
	}
	return o, o.requireReread()
}

// serverRestarted restarts the service of the server while the writer writes. The machine of the server stays on.
func serverRestarted(ctx context.Context, t *trial) (Outcome, error) {
	if _, err := t.server.run(ctx, guest.RestartNFS()); err != nil {
		return Outcome{}, err
	}
	return resumed(ctx, t)
}

// serverAway disconnects the server for a minute while the writer writes.
func serverAway(ctx context.Context, t *trial) (Outcome, error) {
	if err := t.disconnectServer(ctx, func() error { return nil }); err != nil {
		return Outcome{}, err
	}
	return resumed(ctx, t)
}

// killedWhileAway kills the writer while the server is away for a minute. Then the client reads through the same mount.
func killedWhileAway(ctx context.Context, t *trial) (Outcome, error) {
	err := t.disconnectServer(ctx, func() error { return t.endWriter(ctx, "KILL") })
	if err != nil {
		return Outcome{}, err
	}
	return t.verify(ctx, t.client, t.acks.lines())
}

// disconnectServer disconnects the server for a minute and does something after the disconnection.
func (t *trial) disconnectServer(ctx context.Context, during func() error) error {
	if err := guest.Disconnect(ctx, t.server.hardware.Tap); err != nil {
		return err
	}
	if err := errors.Join(during(), wait(ctx, absence)); err != nil {
		return err
	}
	if err := guest.Connect(ctx, t.server.hardware.Tap, labBridge); err != nil {
		return err
	}
	return t.server.await(ctx)
}

// fsidChanged exports the folder under another ID of the filesystem, which makes all file handles of the client stale.
// The client then reads through the same mount. Under the earlier ID, the reader must find everything.
func fsidChanged(ctx context.Context, t *trial) (Outcome, error) {
	export := func(from, to int) error {
		const change = "sed -i s/fsid=%d,/fsid=%d,/ /etc/exports && exportfs -ra && exportfs -f"
		_, err := t.server.run(ctx, fmt.Sprintf(change, from, to))
		return err
	}
	if err := export(0, 7); err != nil {
		return Outcome{}, err
	}
	if err := until(ctx, "the end of the writer", t.acks.ended); err != nil {
		return Outcome{}, err
	}
	failure, err := t.failure(ctx)
	if err != nil {
		return Outcome{}, err
	}
	here, err := t.verify(ctx, t.client, t.acks.lines())
	here.WriterError = failure
	if err := errors.Join(err, export(7, 0)); err != nil {
		return here, err
	}
	there, err := clientCut(ctx, t)
	if err == nil && there.Verdict != Kept {
		return there, nil
	}
	return here, err
}

// nfsEvents returns the events of NFS servers of the kernel.
func nfsEvents() []machineEvent {
	return []machineEvent{
		{"read-by-writer", (*Machines).isNFS, readByWriter},
		{"server-restarted", (*Machines).isNFS, serverRestarted},
		{"server-away", (*Machines).isSyncNFS, serverAway},
		{"killed-while-away", (*Machines).isSyncNFS, killedWhileAway},
		{readEarlyEvent, (*Machines).isHardNFS3, readEarly},
		{fsidChangedEvent, (*Machines).isHardNFS, fsidChanged},
		{twoWritersEvent, (*Machines).isHardNFS, twoWriters},
	}
}

// readEarlyEvent is the name of the event in which a client has an old list of files.
const readEarlyEvent = "read-early"

// Names of events that make data unreadable on purpose.
const (
	fsidChangedEvent = "fsid-changed"
	twoWritersEvent  = "two-writers"
)

// secondWriter appends to the journal of another writer as the next epoch, for 20 seconds.
const secondWriter = "timeout -s TERM 20 %s local helper write --file %s --journal %s --record-size %d --epoch 2 --rate 50 " +
	">/run/second 2>/run/second.err || [ $? = 124 ] || { cat /run/second.err; exit 1; }; cat /run/second"

// twoWriters appends to one journal from the client and from the reader at the same time.
func twoWriters(ctx context.Context, t *trial) (Outcome, error) {
	if err := t.on(ctx, t.reader, t.mount()); err != nil {
		return Outcome{}, err
	}
	output, err := protocol.ReadOutput(bytes.NewReader(t.acks.complete()))
	if err != nil {
		return Outcome{}, err
	}
	j := output.Journal
	second, err := t.reader.run(ctx, fmt.Sprintf(secondWriter, t.program, j.Path, j.ID, j.RecordSize))
	if err != nil {
		return Outcome{}, err
	}
	if err := t.endWriter(ctx, "TERM"); err != nil {
		return Outcome{}, err
	}
	return t.verify(ctx, t.reader, append(t.acks.lines(), second...))
}
