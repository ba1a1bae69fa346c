//go:build linux || darwin

package localcmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/local"
	"github.com/volume-durability/volume-durability/pkg/protocol"
)

const (
	tcpPrefix = "tcp://"
	// dialTimeout bounds the connection to the receiver of acknowledgements.
	dialTimeout = 10 * time.Second
)

// sink receives acknowledgements as messages.
type sink struct {
	out   io.Writer
	close func() error
	// failed is the first error of add.
	failed error
}

// checkSink returns an error if acknowledgements cannot be sent to a destination.
func checkSink(destination string, target local.Target, format string) error {
	switch {
	case destination == "":
		return nil
	case destination == "-" && format != "":
		return fmt.Errorf("--acks - and -o %s exclude each other: both write to standard output", format)
	case destination == "-":
		return nil
	case strings.HasPrefix(destination, tcpPrefix):
		if _, _, err := net.SplitHostPort(strings.TrimPrefix(destination, tcpPrefix)); err != nil {
			return fmt.Errorf("--acks %s: want tcp://HOST:PORT: %w", destination, err)
		}
		return nil
	}
	if _, err := os.Lstat(destination); err == nil {
		return fmt.Errorf("--acks %s: want a new file", destination)
	}
	return checkOutside("--acks", destination, target)
}

// openSink opens a destination and sends it the description of the journal.
func openSink(ctx context.Context, destination string, stdout io.Writer, j protocol.Journal) (*sink, error) {
	if destination == "" {
		return nil, nil
	}
	s, err := dial(ctx, destination, stdout)
	if err != nil {
		return nil, fmt.Errorf("--acks %s: %w", destination, err)
	}
	if err := protocol.Write(s.out, protocol.Message{Journal: &j}); err != nil {
		return nil, errors.Join(fmt.Errorf("--acks %s: %w", destination, err), s.close())
	}
	return s, nil
}

func dial(ctx context.Context, destination string, stdout io.Writer) (*sink, error) {
	if destination == "-" {
		return &sink{out: stdout, close: func() error { return nil }}, nil
	}
	address, isTCP := strings.CutPrefix(destination, tcpPrefix)
	if !isTCP {
		file, err := os.OpenFile(destination, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			return nil, err
		}
		return &sink{out: file, close: func() error { return errors.Join(file.Sync(), file.Close()) }}, nil
	}
	connection, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &sink{out: connection, close: connection.Close}, nil
}

// add sends one acknowledgement.
func (s *sink) add(ack ledger.Ack) error {
	err := protocol.Write(s.out, protocol.Message{Ack: &ack})
	if s.failed == nil {
		s.failed = err
	}
	return err
}

// end closes the sink. It returns an error if not all acknowledgements reached the destination.
func (s *sink) end(destination string) error {
	if err := errors.Join(s.failed, s.close()); err != nil {
		return fmt.Errorf("--acks %s: %w", destination, err)
	}
	return nil
}
