package html

import (
	"fmt"
	"strings"
	"time"

	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// aboutTables describes the tool, the cluster, the engine and the options of a run.
func aboutTables(r result.Result) []table {
	tables := []table{
		factTable("Tool", []fact{
			{"Version", r.Tool.Version, true}, {"Commit", r.Tool.Commit, true}, {"Image", r.Tool.Image, true},
			{"Schema of the result", r.Schema, true},
		}),
		factTable("Cluster", []fact{
			{"UID of kube-system", string(r.Cluster.UID), true}, {"API server", r.Cluster.Server, true},
			{"Kubernetes version", r.Cluster.Version, true}, {"Orchestrator", r.Cluster.Orchestrator, false},
		}),
	}
	if e := r.Engine; e != nil {
		tables = append(tables, factTable("ChaosEngine", []fact{
			{"Name", e.Namespace + "/" + e.Name, true}, {"UID", string(e.UID), true}, {"ChaosResult", e.ChaosResult, true},
			{"UID of the ChaosResult", string(e.ChaosResultUID), true}, {"Service account", e.ServiceAccount, true},
		}))
	}
	tables = append(tables, factTable("Options", optionFacts(r)))
	var some []table
	for _, t := range tables {
		if len(t.Rows) > 0 {
			some = append(some, t)
		}
	}
	return some
}

// factTable returns a table of the facts that have a value.
func factTable(caption string, facts []fact) table {
	t := table{Caption: caption, Head: []string{"Name", "Value"}}
	for _, f := range withValues(facts) {
		t.Rows = append(t.Rows, []string{f.Name, f.Value})
	}
	return t
}

func optionFacts(r result.Result) []fact {
	opts := r.Options
	interval := seconds(opts.Interval)
	if opts.Randomness || opts.MinInterval > 0 {
		interval = "random, " + seconds(opts.MinInterval) + " to " + interval
	}
	rate := "unlimited"
	if opts.WriteRate > 0 {
		rate = writeRate(opts.WriteRate)
	}
	all := []fact{
		{"Duration of the chaos", seconds(opts.Duration), false},
		{"Interval between " + deletionNoun(r) + "s", interval, false},
		{"Required evidence level", opts.RequiredEvidence.String(), false},
		{"Record size", counted(opts.RecordSize, "byte"), false},
		{"Write rate", rate, false},
		{"Timeout per step (STATUS_CHECK_TIMEOUT)", seconds(opts.StatusTimeout), false},
		{"Timeout for reading back (VERIFY_TIMEOUT)", seconds(opts.VerifyTimeout), false},
	}
	if opts.VolumeSource == options.Local {
		return all
	}
	return append(all, []fact{
		{"Ramp time", seconds(opts.RampTime), false},
		{"Kinds of deletion", deletionNames(opts.Force), false},
		{"StorageClasses", strings.ReplaceAll(joined(opts.StorageClasses), `""`, "the default"), false},
		{"Access modes", joined(opts.AccessModes), false},
		{"Volume modes", joined(opts.VolumeModes), false},
		{"Nodes of the reader", joined(opts.ReaderNodes), false},
		{"Maximum number of parallel cells", grouped(opts.ParallelCells), false},
		{"Negative control", yesOrNo(opts.NegativeControl), false},
		{"Size of the claim", opts.ClaimSize.String(), false},
	}...)
}

func writeRate(perSecond float64) string {
	if whole := uint64(perSecond); float64(whole) == perSecond {
		return counted(whole, "record") + " per second"
	}
	return fmt.Sprint(perSecond) + space + "records per second"
}

func seconds(d time.Duration) string {
	if d == 0 {
		return "0" + space + "s"
	}
	if d < time.Minute {
		return fmt.Sprint(d.Seconds()) + space + "s"
	}
	return formatDuration(d)
}

// deletionNames lists the kinds of deletion.
func deletionNames(force []bool) string {
	var all []string
	for _, forced := range force {
		name := "graceful"
		if forced {
			name = "forced"
		}
		all = append(all, name)
	}
	return strings.Join(all, ", ")
}

// joined lists values, with "" for an empty one.
func joined[T any](values []T) string {
	var all []string
	for _, v := range values {
		s := fmt.Sprint(v)
		if s == "" {
			s = `""`
		}
		all = append(all, s)
	}
	return strings.Join(all, ", ")
}

func yesOrNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
