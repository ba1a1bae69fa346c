// Package compare finds what changed between runs: in their verdicts, their figures, and the storage and the cluster
// that they tested. It is pure.
package compare

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// Comparison is what changed from one run to another.
type Comparison struct {
	Before Run `json:"before"`
	After  Run `json:"after"`
	// Regression reports whether the verdict of the run or of a cell got worse.
	Regression bool `json:"regression"`
	// Changes are settings of the runs that differ: the versions of Kubernetes and of the program, and options, which
	// have the names of their environment variables.
	Changes []Change `json:"changes"`
	// Cells are the cells that both runs have.
	Cells []Cell `json:"cells"`
	// OnlyBefore and OnlyAfter are the names of the cells that only one run has.
	OnlyBefore []string `json:"onlyBefore"`
	OnlyAfter  []string `json:"onlyAfter"`
}

// Run identifies one of the runs.
type Run struct {
	ID        string        `json:"runID"`
	StartedAt time.Time     `json:"startedAt"`
	Verdict   judge.Verdict `json:"verdict"`
}

// Cell is what changed in a cell.
type Cell struct {
	Name   string        `json:"name"`
	Before judge.Verdict `json:"before"`
	After  judge.Verdict `json:"after"`
	// Regression reports whether the verdict got worse.
	Regression bool `json:"regression"`
	// Figures are the figures of the cell, also those that did not change.
	Figures []Figure `json:"figures"`
	// Changes are properties of the storage and the nodes that differ.
	Changes []Change `json:"changes"`
}

// Figure is a number that both runs measured. A number that a run did not measure is absent.
type Figure struct {
	Name   string   `json:"name"`
	Unit   Unit     `json:"unit"`
	Before *float64 `json:"before,omitempty"`
	After  *float64 `json:"after,omitempty"`
}

// Unit is the unit of a figure.
type Unit string

// The units of figures.
const (
	Records          Unit = "records"
	Seconds          Unit = "seconds"
	RecordsPerSecond Unit = "records-per-second"
)

// Change is a property that differs between the runs. An empty value is unknown or unset.
type Change struct {
	Name   string `json:"name"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// Compare compares two runs. Cells are matched by their names. If each run has only one cell besides the control, these
// two match.
func Compare(before, after result.Result) Comparison {
	c := Comparison{
		Before: runOf(before), After: runOf(after), Changes: runChanges(before, after), Cells: []Cell{},
		OnlyBefore: missingIn(after, before), OnlyAfter: missingIn(before, after),
		Regression: badness(after.Verdict) > badness(before.Verdict),
	}
	for _, old := range before.Cells {
		if i := find(after, old); i >= 0 {
			cell := compareCells(runCell{before.Cluster, old}, runCell{after.Cluster, after.Cells[i]})
			c.Cells = append(c.Cells, cell)
			c.Regression = c.Regression || cell.Regression
		}
	}
	return c
}

func runOf(r result.Result) Run { return Run{r.RunID, r.StartedAt, r.Verdict} }

// find returns the index of the cell that matches a cell of another run; -1 if there is none. The only cell besides
// the control, which has no name, matches that of another run, so that two StorageClasses can be compared.
func find(r result.Result, like result.Cell) int {
	i := slices.IndexFunc(r.Cells, func(c result.Cell) bool { return c.Spec.Name == like.Spec.Name })
	if i >= 0 {
		return i
	}
	return slices.IndexFunc(r.Cells, func(c result.Cell) bool { return c.DisplayName() == like.DisplayName() })
}

// missingIn returns the names of the cells of one run that another run does not have.
func missingIn(other, r result.Result) []string {
	names := []string{}
	for _, c := range r.Cells {
		if find(other, c) < 0 {
			names = append(names, c.DisplayName())
		}
	}
	return names
}

// badness orders verdicts. What was not verified is worse than a Pass, and a Fail is the worst.
func badness(v judge.Verdict) int {
	switch v {
	case judge.Pass:
		return 0
	case judge.Skipped, judge.NotApplicable:
		return 1
	case judge.Fail:
		return 3
	default:
		return 2
	}
}

// cellBadness is badness for a cell. The control must lose its data, or the run cannot detect loss.
func cellBadness(c result.Cell) int {
	switch {
	case !c.Spec.Control:
		return badness(c.Verdict)
	case c.LostAllData():
		return badness(judge.Pass)
	default:
		return badness(judge.Error)
	}
}

// runCell is a cell, and the cluster of its run.
type runCell struct {
	cluster result.Cluster
	result.Cell
}

func compareCells(before, after runCell) Cell {
	return Cell{
		Name: before.DisplayName(), Before: before.Verdict, After: after.Verdict,
		Regression: cellBadness(after.Cell) > cellBadness(before.Cell),
		Figures:    figures(before.Cell, after.Cell), Changes: changes(before.properties(), after.properties()),
	}
}

func figures(before, after result.Cell) []Figure {
	var all []Figure
	for _, f := range []struct {
		name    string
		unit    Unit
		measure func(result.Cell) *float64
	}{
		{"lost", Records, lost},
		{"slowest recovery", Seconds, func(c result.Cell) *float64 { return seconds(c.SlowestRecovery()) }},
		{"commit p50", Seconds, latency(func(l result.Latency) time.Duration { return l.P50 })},
		{"commit p99", Seconds, latency(func(l result.Latency) time.Duration { return l.P99 })},
		{"slowest commit", Seconds, latency(func(l result.Latency) time.Duration { return l.Max })},
		{"rate", RecordsPerSecond, func(c result.Cell) *float64 { return positive(c.Rate()) }},
	} {
		all = append(all, Figure{f.name, f.unit, measured(before, f.measure), measured(after, f.measure)})
	}
	return all
}

// measured returns a figure of a cell; nil for a skipped cell, as in the table of the cells.
func measured(c result.Cell, measure func(result.Cell) *float64) *float64 {
	if c.Verdict == judge.Skipped {
		return nil
	}
	return measure(c)
}

// lost returns the number of lost records; nil if the journal was not read.
func lost(c result.Cell) *float64 {
	if c.Reader == nil && len(c.Findings) == 0 {
		return nil
	}
	n := float64(c.Lost())
	return &n
}

func latency(of func(result.Latency) time.Duration) func(result.Cell) *float64 {
	return func(c result.Cell) *float64 {
		if c.Latency == nil {
			return nil
		}
		return seconds(of(*c.Latency))
	}
}

func seconds(d time.Duration) *float64 { return positive(d.Seconds()) }

// positive returns a number; nil for 0, which means that it was not measured.
func positive(n float64) *float64 {
	if n <= 0 {
		return nil
	}
	return &n
}

// properties returns what the cell tested, by name.
func (c runCell) properties() map[string]string {
	p := map[string]string{
		"StorageClass": c.Spec.StorageClass, "access mode": string(c.Spec.AccessMode),
		"volume mode": string(c.Spec.VolumeMode), "reader node": string(c.Spec.ReaderNode),
		"forced deletion": fmt.Sprint(c.Spec.Force), "evidence level": c.Provenance.Level.String(),
		"writer kernels": kernels(c.Cell),
	}
	if c.Reader != nil {
		p["reader kernel"] = c.Reader.ScanResult.Kernel
	}
	if len(c.Epochs) > 0 {
		mount := c.Epochs[0].Mount
		p["filesystem"] = mount.FSType
		p["mount"] = mount.Options
		p["filesystem options"] = withoutAddress(mount.SuperOptions)
	}
	if claim := c.Claim; claim != nil {
		p["StorageClass"] = cmp.Or(claim.StorageClass, c.Spec.StorageClass)
		p["provisioner"] = claim.Provisioner
		p["mount options"] = strings.Join(claim.MountOptions, ",")
		for name, value := range c.cluster.StorageClass(p["StorageClass"]).Parameters {
			p["parameter "+name] = value
		}
		p["images of the CSI driver"] = strings.Join(c.cluster.CSIDriver(claim.Provisioner).Images, ", ")
	}
	return p
}

// kernels returns the kernel releases of the writers, each once.
func kernels(c result.Cell) string {
	var all []string
	for _, e := range c.Epochs {
		if e.Kernel != "" && !slices.Contains(all, e.Kernel) {
			all = append(all, e.Kernel)
		}
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// withoutAddress drops the address of the node from the options of NFS, which differs from node to node.
func withoutAddress(superOptions string) string {
	all := strings.Split(superOptions, ",")
	isAddress := func(option string) bool { return strings.HasPrefix(option, "clientaddr=") }
	return strings.Join(slices.DeleteFunc(all, isAddress), ",")
}

// changes returns the properties that differ, sorted by name.
func changes(before, after map[string]string) []Change {
	names := maps.Clone(before)
	maps.Copy(names, after)
	all := []Change{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if before[name] != after[name] {
			all = append(all, Change{name, before[name], after[name]})
		}
	}
	return all
}

// runChanges returns what differs in the clusters and the programs of two runs, and then in their options.
func runChanges(before, after result.Result) []Change {
	return append(changes(runProperties(before), runProperties(after)),
		changes(optionProperties(before.Options), optionProperties(after.Options))...)
}

// runProperties returns what all cells of a run have in common, by name, except the options.
func runProperties(r result.Result) map[string]string {
	return map[string]string{
		"Kubernetes": r.Cluster.Version, "cluster": string(r.Cluster.UID), "program": r.Tool.Version, "image": r.Tool.Image,
	}
}

// optionProperties returns the values of the options by their names.
func optionProperties(v options.Values) map[string]string {
	p := map[string]string{}
	addFields(p, reflect.ValueOf(v))
	return p
}

// addFields adds the fields of a group of options. A group in it has no name of its own. An option that sets two fields
// has both values.
func addFields(p map[string]string, group reflect.Value) {
	for i, field := range reflect.VisibleFields(group.Type()) {
		value := group.Field(i)
		if value.Type() == reflect.TypeFor[options.Thresholds]() {
			addFields(p, value)
			continue
		}
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		text := formatOption(value.Interface())
		if name == "serial" {
			text = map[string]string{"true": "serial", "false": "parallel"}[text]
		}
		name = options.OptionOf(name)
		if other := p[name]; other != "" && text != "" {
			text = join(name, other, text)
		}
		p[name] = cmp.Or(text, p[name])
	}
}

// join joins the values of two fields of one option.
func join(option, first, second string) string {
	if option == "CHAOS_INTERVAL" { // the longest interval, and the shortest one
		return second + "-" + first
	}
	return first + ", " + second
}

// formatOption returns the value of an option as a user would set it, as far as possible; empty for an absent one.
func formatOption(option any) string {
	if d, isDuration := option.(time.Duration); isDuration {
		if d == 0 {
			return ""
		}
		return d.String()
	}
	encoded, err := json.Marshal(option)
	var decoded any
	if err == nil {
		err = json.Unmarshal(encoded, &decoded)
	}
	if err != nil {
		// The types of the options can always be encoded.
		panic(fmt.Sprintf("encoding the option %v: %v", option, err))
	}
	switch value := decoded.(type) {
	case map[string]any, float64, bool:
		return string(encoded)
	case nil:
		return ""
	case string:
		return value
	case []any:
		items := make([]string, len(value))
		for i, item := range value {
			if _, isObject := item.(map[string]any); isObject {
				return string(encoded)
			}
			items[i] = fmt.Sprint(item)
		}
		return strings.Join(items, ",")
	}
	return string(encoded)
}
