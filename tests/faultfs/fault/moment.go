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
	// OnCreates waits until N creations of files in the target, a folder, are synced.
	OnCreates When = "creates"
	// OnRenames waits until N renames into the target, a folder, are synced.
	OnRenames When = "renames"
	// OnUnlinks waits until N removals of files from the target, a folder, are synced.
	OnUnlinks When = "unlinks"
	// OnLists waits until the target, a folder, is listed for the Nth time.
	OnLists When = "lists"
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
	// Creates, Renames and Unlinks are the numbers of synced changes of entries in the target, a folder. Lists is how
	// often it was listed.
	Creates, Renames, Unlinks, Lists int64
}

// Reached reports whether the moment is reached without a command.
func (m Moment) Reached(p Progress) bool {
	if m.When == OnMount {
		return true
	}
	count, counted := p.count(m.When)
	return counted && count >= m.Count
}

// count returns how far the progress of a kind is, and whether it is counted.
func (p Progress) count(w When) (count int64, counted bool) {
	switch w {
	case OnClose:
		return p.Closes, true
	case OnSync:
		return p.Syncs, true
	case OnBytes:
		return p.SyncedBytes, true
	case OnCreates:
		return p.Creates, true
	case OnRenames:
		return p.Renames, true
	case OnUnlinks:
		return p.Unlinks, true
	case OnLists:
		return p.Lists, true
	default:
		return 0, false
	}
}

func (m Moment) String() string {
	if m.Count == 0 {
		return string(m.When)
	}
	return fmt.Sprintf("%s=%d", m.When, m.Count)
}

// Moments describes the syntax of a moment.
const Moments = "close, close=N, sync=N, bytes=N, creates=N, renames=N, unlinks=N, lists=N, mount or command; " +
	"N is 1 or more"

// ParseMoment parses a moment, such as "close=2".
func ParseMoment(text string) (Moment, error) {
	m, err := parseMoment(text, "=",
		OnClose, OnSync, OnBytes, OnCreates, OnRenames, OnUnlinks, OnLists, OnMount, OnCommand)
	if err != nil {
		return Moment{}, fmt.Errorf("moment %q: want %s", text, Moments)
	}
	return m, nil
}

func parseMoment(text, separator string, allowed ...When) (Moment, error) {
	name, number, counted := strings.Cut(text, separator)
	when := When(name)
	_, takesCount := Progress{}.count(when)
	needsCount := takesCount && when != OnClose
	if !slices.Contains(allowed, when) || counted && !takesCount || needsCount && !counted {
		return Moment{}, fmt.Errorf("want one of %q, with a number unless it is close, mount or command", allowed)
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
