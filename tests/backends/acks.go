package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// acks receives the acknowledgements of a writer on another machine.
type acks struct {
	listener net.Listener
	done     chan struct{}

	mu         sync.Mutex
	connection net.Conn
	content    []byte
}

// listen starts to receive.
func listen(address string) (*acks, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		return nil, err
	}
	a := &acks{listener: listener, done: make(chan struct{})}
	go a.receive()
	return a, nil
}

// receive receives until the writer has ended or the connection is closed.
func (a *acks) receive() {
	defer close(a.done)
	connection, err := a.listener.Accept()
	if err != nil {
		return // the listener was closed
	}
	a.mu.Lock()
	a.connection = connection
	a.mu.Unlock()
	_, _ = io.Copy(a, connection) // the machine of the writer loses power
}

// Write adds what was received.
func (a *acks) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.content = append(a.content, p...)
	return len(p), nil
}

// count returns the number of messages that were received.
func (a *acks) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return countAcks(a.content)
}

// countAcks returns the number of acknowledgements among the messages of a writer.
func countAcks(messages []byte) int { return bytes.Count(messages, []byte("\nack ")) }

// ended reports whether the writer has ended.
func (a *acks) ended() bool {
	select {
	case <-a.done:
		return true
	default:
		return false
	}
}

// more waits until the writer has sent more messages or has ended, at most for the given time. It returns the number of
// messages that were received meanwhile.
func (a *acks) more(ctx context.Context, n int, limit time.Duration) (int, error) {
	before := a.count()
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := until(limited, "acknowledgements", func() bool { return a.count() >= before+n || a.ended() })
	if ctx.Err() == nil {
		err = nil
	}
	return a.count() - before, err
}

// lines returns the complete messages that have arrived. The writer must have ended or its machine be off.
func (a *acks) lines() []byte {
	a.mu.Lock()
	connection := a.connection
	a.mu.Unlock()
	if connection != nil {
		// What has arrived is read at once. No more can come.
		_ = connection.SetReadDeadline(time.Now().Add(time.Second))
		<-a.done
	}
	return a.complete()
}

// complete returns the complete messages that have arrived so far.
func (a *acks) complete() []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	return bytes.Clone(a.content[:bytes.LastIndexByte(a.content, '\n')+1])
}

// close ends the reception.
func (a *acks) close() error {
	err := a.listener.Close()
	a.mu.Lock()
	if a.connection != nil {
		err = errors.Join(err, a.connection.Close())
	}
	a.mu.Unlock()
	<-a.done
	if errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	return err
}
