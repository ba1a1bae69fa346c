// Package ratio defines the rows of the table that make bench prints. The programs that measure add rows to a file. At
// the end, one program prints all of them.
package ratio

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
)

// Row compares a figure of this project with that of a peer, which was measured at the same time on the same machine.
type Row struct {
	// Area is what the row is about, for example Reading.
	Area string `json:"area"`
	// Measured describes the figure of this project.
	Measured string `json:"measured"`
	// Peer describes what the figure is compared with: a program, an earlier commit, or a limit.
	Peer string `json:"peer"`
	// Unit is the unit of both figures.
	Unit string `json:"unit"`
	// Value and PeerValue are the figures: medians, if there are several rounds.
	Value     float64 `json:"value"`
	PeerValue float64 `json:"peerValue"`
	// Ratio is Value divided by PeerValue. It may be the median of the ratios of all rounds, which differs from the ratio
	// of the medians.
	Ratio float64 `json:"ratio"`
	// AtLeast and AtMost are the targets of the ratio; 0 for none.
	AtLeast float64 `json:"atLeast,omitempty"`
	AtMost  float64 `json:"atMost,omitempty"`
	// Failure is why the row has no figures; empty if it has.
	Failure string `json:"failure,omitempty"`
}

// Limited compares a figure with the highest value that it should have.
func Limited(area, measured, unit string, value, limit float64) Row {
	return Row{
		Area: area, Measured: measured, Peer: "limit", Unit: unit, Value: value, PeerValue: limit, AtMost: 1,
	}.OfValues()
}

// OfValues returns the row with the ratio of its two figures.
func (r Row) OfValues() Row {
	r.Ratio = r.Value / r.PeerValue
	return r
}

// target returns the target of the ratio as text, and whether the ratio reaches it.
func (r Row) target() (target, reached string) {
	switch {
	case r.AtLeast > 0:
		target, reached = fmt.Sprintf("≥ %g", r.AtLeast), yesOrNo(r.Ratio >= r.AtLeast)
	case r.AtMost > 0:
		target, reached = fmt.Sprintf("≤ %g", r.AtMost), yesOrNo(r.Ratio <= r.AtMost)
	}
	return target, reached
}

func yesOrNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// Append adds rows to a file, which it creates with its folder if needed. An empty path is no file.
func Append(path string, rows ...Row) (err error) {
	if path == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	lines := json.NewEncoder(file)
	for _, r := range rows {
		if err := lines.Encode(r); err != nil {
			return fmt.Errorf("writing %q to %s: %w", r.Measured, path, err)
		}
	}
	return nil
}

// Read reads the rows of a file.
func Read(path string) (rows []Row, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	for lines := json.NewDecoder(file); ; {
		var r Row
		if err := lines.Decode(&r); errors.Is(err, io.EOF) {
			return rows, nil
		} else if err != nil {
			return rows, fmt.Errorf("reading row %d of %s: %w", len(rows)+1, path, err)
		}
		rows = append(rows, r)
	}
}

// Print prints the rows as a table in Markdown, in their order.
func Print(out io.Writer, rows []Row) error {
	w := tabwriter.NewWriter(out, 0, 0, 1, ' ', 0)
	fmt.Fprintln(w, "| area\t| measured\t| figure\t| compared with\t| its figure\t| unit\t| ratio\t| target\t| reached\t|")
	fmt.Fprintln(w, "|---\t|---\t|---\t|---\t|---\t|---\t|---\t|---\t|---\t|")
	for _, r := range rows {
		target, reached := r.target()
		if r.Failure != "" {
			fmt.Fprintf(w, "| %s\t| %s\t| %s\t| %s\t| \t| \t| \t| %s\t| no\t|\n", r.Area, r.Measured, r.Failure, r.Peer, target)
			continue
		}
		fmt.Fprintf(w, "| %s\t| %s\t| %s\t| %s\t| %s\t| %s\t| %.3f\t| %s\t| %s\t|\n",
			r.Area, r.Measured, Number(r.Value), r.Peer, Number(r.PeerValue), r.Unit, r.Ratio, target, reached)
	}
	return w.Flush()
}

// Median returns the middle one of some values, or the lower one of the two in the middle.
func Median[N cmp.Ordered](values []N) N {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)-1)/2]
}

// Number formats a figure with three digits, or more if it is 1000 or larger.
func Number(value float64) string {
	switch {
	case value < 1 && value > 0:
		return fmt.Sprintf("%.3g", value)
	case value < 10:
		return fmt.Sprintf("%.2f", value)
	case value < 100:
		return fmt.Sprintf("%.1f", value)
	}
	return fmt.Sprintf("%.0f", value)
}
