package html

import (
	"fmt"
	"strings"
	"time"

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
			{"Name", e.Namespace + "/" + e.Name, true}, {"UID", string(e.UID), true}, {"ChaosResult", e.Result, true},
			{"UID of the ChaosResult", string(e.ResultUID), true}, {"Service account", e.ServiceAccount, true},
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
	s := r.Options
	interval := seconds(s.Interval)
	if s.Randomness || s.MinInterval > 0 {
		interval = "random, " + seconds(s.MinInterval) + " to " + interval
	}
	rate := "unlimited"
	if s.WriteRate > 0 {
		rate = fmt.Sprintf("%g records per second", s.WriteRate)
	}
	return []fact{
		{"Duration of the chaos", seconds(s.Duration), false},
		{"Interval between deletions", interval, false},
		{"Ramp time", seconds(s.RampTime), false},
		{"Delete by force", joined(s.Force), false},
		{"StorageClasses", strings.ReplaceAll(joined(s.StorageClasses), `""`, "the default"), false},
		{"Access modes", joined(s.AccessModes), false},
		{"Volume modes", joined(s.VolumeModes), false},
		{"Nodes of the reader", joined(s.ReaderNodes), false},
		{"Parallel cells, at most", fmt.Sprint(s.ParallelCells), false},
		{"Required evidence level", s.RequiredEvidence.String(), false},
		{"Negative control", yesOrNo(s.NegativeControl), false},
		{"Record size", counted(s.RecordSize, "byte"), false},
		{"Write rate", rate, false},
		{"Size of the claim", s.ClaimSize.String(), false},
		{"Time limit of a step in the cluster", seconds(s.StatusTimeout), false},
		{"Time limit of the reader", seconds(s.VerifyTimeout), false},
	}
}

func seconds(d time.Duration) string {
	if d == 0 {
		return "0" + space + "s"
	}
	return d.String()
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
