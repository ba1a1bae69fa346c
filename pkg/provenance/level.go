package provenance

import (
	"fmt"
	"strings"
)

// Level is the evidence level: how much a Pass would prove. A Fail counts at every level. The
// levels are in one order, and each includes the ones below it.
type Level int

const (
	// None means that nothing was read back, or not from the volume that was written to.
	None Level = iota
	// ReadBack means that a new pod or process read the data.
	ReadBack
	// Uncached means that the data did not come from the page cache that it was written to.
	Uncached
	// Remounted means that the volume was unmounted on the writer's node before the reader
	// used it, or that another kernel mounted it.
	Remounted
	// Reattached means that the volume was detached from the writer's node and attached
	// again for the reader.
	Reattached
	// OtherMachine means that the volume was attached again on another machine.
	OtherMachine
)

// levelTexts holds the name of each level, what it shows, and what it does not show.
var levelTexts = []struct{ name, shows, limitation string }{
	None: {
		"none",
		"nothing was read back, or not from the volume that was written to",
		"anything",
	},
	ReadBack: {
		"read-back",
		"a new pod or process read the data from the volume",
		"that the data left the memory of the writer's node: it may have been read from that node's page cache",
	},
	Uncached: {
		"uncached",
		"the data did not come from the page cache that it was written to",
		"that the filesystem shows the same data after it is mounted again: FUSE and network filesystems have caches " +
			"of their own, and some local filesystems serve direct reads from memory",
	},
	Remounted: {
		"remounted",
		"the volume was unmounted on the writer's node before the reader used it, or another kernel mounted it",
		"that the volume can leave its node: the driver may still have data in its own memory",
	},
	Reattached: {
		"reattached",
		"the volume was detached from the writer's node and attached again for the reader",
		"that another machine sees the same data: two nodes may run on one machine",
	},
	OtherMachine: {
		"other-machine",
		"the volume was attached again on another node, whose kernel booted separately from the writer's",
		"that the data survives a power failure, or any other event that was not part of the run",
	},
}

// Levels returns all levels, the weakest first.
func Levels() []Level {
	levels := make([]Level, len(levelTexts))
	for i := range levels {
		levels[i] = Level(i)
	}
	return levels
}

// LevelNames returns the names of all levels, the weakest first.
func LevelNames() []string {
	names := make([]string, len(levelTexts))
	for i, text := range levelTexts {
		names[i] = text.name
	}
	return names
}

// String returns the name of the level.
func (l Level) String() string { return levelTexts[l].name }

// Description returns what the level shows, without a full stop.
func (l Level) Description() string { return levelTexts[l].shows }

// Limitation returns what the level does not show, without a full stop.
func (l Level) Limitation() string { return levelTexts[l].limitation }

// MarshalText returns the name of the level.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText parses the name of a level.
func (l *Level) UnmarshalText(text []byte) error {
	for _, level := range Levels() {
		if level.String() == string(text) {
			*l = level
			return nil
		}
	}
	return fmt.Errorf("unknown evidence level %q: want one of %s", text, strings.Join(LevelNames(), ", "))
}
