package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"time"
)

// Row is what was measured of a backend.
type Row struct {
	Backend string `json:"backend"`
	Package string `json:"package"`
	Version string `json:"version"`
	Options string `json:"options,omitempty"`
	Kernel  string `json:"kernel"`
	Date    string `json:"date"`
	// Syncs is nil if the backend has no process.
	Syncs  *Syncs    `json:"syncs,omitempty"`
	Events []Outcome `json:"events"`
}

// outcome returns the outcome of an event, nil if it was not measured.
func (r Row) outcome(event, pattern string) *Outcome {
	i := slices.IndexFunc(r.Events, func(o Outcome) bool { return o.Event == event && o.Pattern == pattern })
	if i < 0 {
		return nil
	}
	return &r.Events[i]
}

// newRow describes a backend that is measured now.
func newRow(b Backend, version, kernel string) Row {
	return Row{
		Backend: b.Name, Package: b.Package, Version: version, Options: b.Options,
		Kernel: regexp.MustCompile(`^[0-9]+\.[0-9]+`).FindString(kernel),
		Date:   time.Now().UTC().Format(time.DateOnly),
	}
}

// readRows reads the rows of an earlier measurement. A file that does not exist has none.
func readRows(path string) ([]Row, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var rows []Row
	if err == nil {
		err = json.Unmarshal(content, &rows)
	}
	return rows, err
}

// writeRows writes rows in the order of the backends. Rows of backends that no longer exist are dropped.
func writeRows(path string, rows []Row) error {
	var sorted []Row
	for _, b := range all() {
		if i := slices.IndexFunc(rows, func(r Row) bool { return r.Backend == b.Name }); i >= 0 {
			sorted = append(sorted, rows[i])
		}
	}
	content, err := json.MarshalIndent(sorted, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(content, '\n'), 0o644)
}

// merge replaces the events of a row that were measured again. Other verdicts of the same version are kept with them.
func merge(rows []Row, now Row) []Row {
	i := slices.IndexFunc(rows, func(r Row) bool { return r.Backend == now.Backend })
	if i < 0 {
		return append(rows, now)
	}
	before := rows[i]
	if now.Syncs == nil {
		now.Syncs = before.Syncs
	}
	for _, o := range before.Events {
		switch measured := now.outcome(o.Event, o.Pattern); {
		case measured == nil:
			now.Events = append(now.Events, o)
		case before.Version == now.Version:
			measured.addOthers(&o)
		}
	}
	rows[i] = now
	return rows
}
