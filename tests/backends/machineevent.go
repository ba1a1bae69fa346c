package main

import (
	"context"
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

// machineEvents returns the faults of machines in the order of the table.
func machineEvents() []machineEvent {
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
	if err := t.server.cut(ctx); err != nil {
		return Outcome{}, err
	}
	if err := t.startServer(ctx); err != nil {
		return Outcome{}, err
	}
	n, err := t.acks.more(ctx, firstAcks, continues)
	if err != nil {
		return Outcome{}, err
	}
	var failure string
	if t.acks.ended() {
		output, err := t.client.run(ctx, "cat /run/writer")
		if err != nil {
			return Outcome{}, err
		}
		failure = errnoIn(output)
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

// on plays an event on new machines. An error of the backend is an outcome.
func (e machineEvent) on(ctx context.Context, l *lab, b Backend) (Outcome, error) {
	t, err := l.newTrial(ctx, b)
	o := Outcome{Verdict: Failed}
	if err == nil {
		o, err = e.play(ctx, t)
	}
	if err != nil {
		o.Verdict, o.Reason = Failed, err.Error()
	}
	o.Event, o.Pattern = e.name, "append"
	o.Reason = strings.ReplaceAll(o.Reason, t.dir, "")
	if err := t.remove(context.WithoutCancel(ctx)); err != nil {
		return o, fmt.Errorf("removing the machines of %s: %w", b.Name, err)
	}
	return o, ctx.Err()
}
