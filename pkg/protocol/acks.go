package protocol

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/volume-durability/volume-durability/pkg/ledger"
)

// ReadAcks reads a file of acknowledgements: a Journal message, then Ack messages. It
// returns the highest acknowledgement of each epoch. The last line may be incomplete,
// because the machine that sent it may have lost power.
func ReadAcks(r io.Reader) (Journal, []ledger.Ack, error) {
	lines := bufio.NewScanner(r)
	if !lines.Scan() {
		return Journal{}, nil, errors.Join(errors.New("the file is empty"), lines.Err())
	}
	first, err := Parse(lines.Bytes())
	if err != nil {
		return Journal{}, nil, fmt.Errorf("line 1: %w", err)
	}
	if first.Journal == nil {
		return Journal{}, nil, errors.New("line 1: want a journal message")
	}
	var l ledger.Ledger
	var malformed error
	for n := 2; lines.Scan(); n++ {
		if malformed != nil {
			return Journal{}, nil, malformed
		}
		m, err := Parse(lines.Bytes())
		switch {
		case err != nil:
			malformed = fmt.Errorf("line %d: %w", n, err)
		case m.Ack == nil:
			return Journal{}, nil, fmt.Errorf("line %d: want an ack message", n)
		default:
			if err := l.Add(*m.Ack); err != nil {
				return Journal{}, nil, fmt.Errorf("line %d: %w", n, err)
			}
		}
	}
	return *first.Journal, l.Acks(), lines.Err()
}
