package fault

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// When is what a moment waits for.
type When string

// What a moment can wait for.
const (
	// OnClose is when the last writing handle of the target has closed, for the Nth time.
	OnClose When = "close"
	// OnSync is when a sync of the target has succeeded, for the Nth time.
	OnSync When = "sync"
	// OnBytes is when so many bytes of the target have been synced.
	OnBytes When = "bytes"
	// OnMount is from the beginning.
	OnMount When = "mount"
	// OnCommand is when told to.
	OnCommand When = "command"
)

// Moment is when something is to happen.
type Moment struct {
	When  When
	Count int64
}

// Progress is how far the target has come.
type Progress struct {
	// Closes and Syncs are how often its last writing handle has closed, and it has
	// been synced.
	Closes, Syncs int64
	// SyncedBytes is how many bytes are synced.
	SyncedBytes int64
}

// Reached says whether the moment has come by itself.
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

// Moments describes how a moment is written.
const Moments = "close, close=N, sync=N, bytes=N, mount or command; N from 1 on"

// ParseMoment reads a moment, as "close=2".
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
		return Moment{}, fmt.Errorf("want a whole number from 1 on after %s%s", name, separator)
	}
	return Moment{When: when, Count: count}, nil
}
