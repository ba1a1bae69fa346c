package fault

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// When is the kind of event that a moment waits for.
type When string

const (
	// OnClose waits until the last writing handle of the target closes for the Nth time.
	OnClose When = "close"
	// OnSync waits for the Nth successful sync of the target.
	OnSync When = "sync"
	// OnBytes waits until N bytes of the target are synced.
	OnBytes When = "bytes"
	// OnMount does not wait.
	OnMount When = "mount"
	// OnCommand waits for a command.
	OnCommand When = "command"
)

// Moment is when a fault or a snapshot takes place.
type Moment struct {
	When  When
	Count int64
}

// Progress is what has happened to the target so far.
type Progress struct {
	// Closes is how often the last writing handle closed, Syncs how often a sync succeeded.
	Closes, Syncs int64
	// SyncedBytes is the number of bytes that are synced.
	SyncedBytes int64
}

// Reached reports whether the moment is reached without a command.
func (m Moment) Reached(p Progress) bool {
	switch m.When {
	case OnMount:
		return true
	case OnClose:
		return p.Closes >= m.Count
	case OnSync:
		return p.Syncs >= m.Count
	case OnBytes:
		return p.SyncedBytes >= m.Count
	}
	return false
}

func (m Moment) String() string {
	if m.Count == 0 {
		return string(m.When)
	}
	return fmt.Sprintf("%s=%d", m.When, m.Count)
}

// Moments describes the syntax of a moment.
const Moments = "close, close=N, sync=N, bytes=N, mount or command; N is 1 or more"

// ParseMoment parses a moment, such as "close=2".
func ParseMoment(text string) (Moment, error) {
	m, err := parseMoment(text, "=", OnClose, OnSync, OnBytes, OnMount, OnCommand)
	if err != nil {
		return Moment{}, fmt.Errorf("moment %q: want %s", text, Moments)
	}
	return m, nil
}

func parseMoment(text, separator string, allowed ...When) (Moment, error) {
	name, number, counted := strings.Cut(text, separator)
	when := When(name)
	takesCount := when == OnClose || when == OnSync || when == OnBytes
	needsCount := takesCount && when != OnClose
	if !slices.Contains(allowed, when) || counted && !takesCount || needsCount && !counted {
		return Moment{}, fmt.Errorf("want one of %q, with a number for sync and bytes", allowed)
	}
	if !takesCount {
		return Moment{When: when}, nil
	}
	if !counted {
		return Moment{When: when, Count: 1}, nil
	}
	count, err := strconv.ParseInt(number, 10, 64)
	if err != nil || count < 1 {
		return Moment{}, fmt.Errorf("want a whole number of 1 or more after %s%s", name, separator)
	}
	return Moment{When: when, Count: count}, nil
}
