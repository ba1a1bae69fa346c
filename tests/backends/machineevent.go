package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/volume-durability/volume-durability/tests/cluster/guest"
)

// machineEvent is a fault of machines.
type machineEvent struct {
	name    string
	applies func(*Machines) bool
	play    func(context.Context, *trial) (Outcome, error)
}

// pattern returns the write pattern of the writer.
func (e machineEvent) pattern() string {
	if e.name == readEarlyEvent {
		return "remove"
	}
	return "append"
}

// machineEvents returns the faults of machines in the order of the tables.
func machineEvents() []machineEvent { return append(sharedEvents(), nfsEvents()...) }

// sharedEvents returns the events of all backends.
func sharedEvents() []machineEvent {
	always := func(*Machines) bool { return true }
	replicated := func(m *Machines) bool { return m.Peer != "" }
	return []machineEvent{
		{"client-cut", always, clientCut},
		{"server-cut", (*Machines).hasServer, serverCut},
		{"both-cut", (*Machines).hasServer, bothCut},
		{"network-3s", replicated, networkAwayAndCut(3 * time.Second)},
		{"network-15s", replicated, networkAwayAndCut(15 * time.Second)},
		{writesDroppedEvent, func(m *Machines) bool { return m.Drop != "" }, writesDropped},
	}
}

// writesDroppedEvent is the name of the event in which the disk loses data on purpose.
const writesDroppedEvent = "writes-dropped"

// clientCut cuts the power of the client. The reader then has the storage.
func clientCut(ctx context.Context, t *trial) (Outcome, error) {
	if err := t.client.cut(ctx); err != nil {
		return Outcome{}, err
	}
	return t.read(ctx)
}

// continues is how long a writer may take to continue after its server is back.
const continues = time.Minute

// serverCut cuts the power of the server and starts it again, while the client continues.
func serverCut(ctx context.Context, t *trial) (Outcome, error) {
	if err := t.restartServer(ctx); err != nil {
		return Outcome{}, err
	}
	return resumed(ctx, t)
}

// restartServer cuts the power of the server and starts it again.
func (t *trial) restartServer(ctx context.Context) error {
	if err := t.server.cut(ctx); err != nil {
		return err
	}
	return t.startServer(ctx)
}

// resumed waits until the writer continues or fails, now that its server is back. Then it cuts the power of the client.
func resumed(ctx context.Context, t *trial) (Outcome, error) {
	n, err := t.acks.more(ctx, firstAcks, continues)
	if err != nil {
		return Outcome{}, err
	}
	failure, err := t.failure(ctx)
	if err != nil {
		return Outcome{}, err
	}
	o, err := clientCut(ctx, t)
	o.WriterError, o.Blocked = failure, n == 0 && failure == ""
	return o, err
}

// bothCut cuts the power of both machines and starts the server again.
func bothCut(ctx context.Context, t *trial) (Outcome, error) {
	if err := t.server.cut(ctx); err != nil {
		return Outcome{}, err
	}
	if err := t.client.cut(ctx); err != nil {
		return Outcome{}, err
	}
	if err := t.startServer(ctx); err != nil {
		return Outcome{}, err
	}
	return t.read(ctx)
}

// networkAwayAndCut disconnects the reader for some time, and cuts the power of the client while it is disconnected.
func networkAwayAndCut(away time.Duration) func(context.Context, *trial) (Outcome, error) {
	return func(ctx context.Context, t *trial) (Outcome, error) {
		if err := guest.Disconnect(ctx, t.reader.hardware.Tap); err != nil {
			return Outcome{}, err
		}
		select {
		case <-time.After(away): // the length of the outage
		case <-ctx.Done():
			return Outcome{}, ctx.Err()
		}
		if err := t.client.cut(ctx); err != nil {
			return Outcome{}, err
		}
		if err := guest.Connect(ctx, t.reader.hardware.Tap, labBridge); err != nil {
			return Outcome{}, err
		}
		if err := t.reader.await(ctx); err != nil {
			return Outcome{}, err
		}
		return t.read(ctx)
	}
}

// writesDropped makes the disk drop what is written, waits for more acknowledgements, and cuts the power.
func writesDropped(ctx context.Context, t *trial) (Outcome, error) {
	if err := t.on(ctx, t.client, t.Machines.Drop); err != nil {
		return Outcome{}, err
	}
	if _, err := t.acks.more(ctx, firstAcks, continues); err != nil {
		return Outcome{}, err
	}
	return clientCut(ctx, t)
}

// on plays an event on new machines. An error of the backend is an outcome. An error of a machine is not.
func (e machineEvent) on(ctx context.Context, l *lab, b Backend) (Outcome, error) {
	t, err := l.newTrial(ctx, b)
	o := Outcome{Verdict: Failed}
	if err == nil {
		o, err = e.play(ctx, t)
	}
	if err != nil {
		o.Verdict, o.Reason = Failed, err.Error()
	}
	o.Event, o.Pattern = e.name, e.pattern()
	o.Reason = strings.ReplaceAll(o.Reason, t.dir, "")
	if err := t.remove(context.WithoutCancel(ctx)); err != nil {
		return o, fmt.Errorf("removing the machines of %s: %w", b.Name, err)
	}
	if errors.Is(err, errMachine) {
		return o, err
	}
	return o, ctx.Err()
}
