package html

import (
	"fmt"
	"strings"
	"time"

	"github.com/volume-durability/volume-durability/pkg/result"
)

// about is who made the run, where, and with what settings.
func about(r result.Result) []table {
	tables := []table{
		named("The tool", []fact{{"Version", r.Tool.Version, true}, {"Commit", r.Tool.Commit, true}, {"Image", r.Tool.Image, true}, {"Form of the result", r.Schema, true}}),
		named("The cluster", []fact{{"UID of kube-system", string(r.Cluster.UID), true}, {"Server", r.Cluster.Server, true}, {"Version", r.Cluster.Version, true}, {"Orchestrator", r.Cluster.Orchestrator, false}}),
	}
	if e := r.Engine; e != nil {
		tables = append(tables, named("The ChaosEngine", []fact{
			{"Name", e.Namespace + "/" + e.Name, true}, {"UID", string(e.UID), true}, {"ChaosResult", e.Result, true}, {"UID of the ChaosResult", string(e.ResultUID), true}, {"Service account", e.ServiceAccount, true},
		}))
	}
	tables = append(tables, named("Settings", settings(r)))
	var some []table
	for _, t := range tables {
		if len(t.Rows) > 0 {
			some = append(some, t)
		}
	}
	return some
}

// named is a table of names and values, without those that have none.
func named(caption string, facts []fact) table {
	t := table{Caption: caption, Head: []string{"What", "Value"}}
	for _, f := range filled(facts) {
		t.Rows = append(t.Rows, []string{f.Name, f.Value})
	}
	return t
}

func settings(r result.Result) []fact {
	s := r.Options
	interval := seconds(s.Interval)
	if s.Randomness || s.MinInterval > 0 {
		interval = "random, " + seconds(s.MinInterval) + " to " + interval
	}
	rate := "as many as the volume takes"
	if s.WriteRate > 0 {
		rate = fmt.Sprintf("%g records a second", s.WriteRate)
	}
	return []fact{
		{"Duration of the chaos", seconds(s.Duration), false},
		{"Between deletions", interval, false},
		{"Ramp time", seconds(s.RampTime), false},
		{"Forced deletion", listed(s.Force), false},
		{"StorageClasses", strings.ReplaceAll(listed(s.StorageClasses), `""`, "the default"), false},
		{"Access modes", listed(s.AccessModes), false},
		{"Volume modes", listed(s.VolumeModes), false},
		{"Reader's nodes", listed(s.ReaderNodes), false},
		{"Cells at once, at most", fmt.Sprint(s.ParallelCells), false},
		{"Required evidence", s.RequiredEvidence.String(), false},
		{"Negative control", yesOrNo(s.NegativeControl), false},
		{"Record size", counted(s.RecordSize, "byte"), false},
		{"Write rate", rate, false},
		{"Claim's size", s.ClaimSize.String(), false},
		{"Longest wait for a step", seconds(s.StatusTimeout), false},
		{"Longest wait for the reader", seconds(s.VerifyTimeout), false},
	}
}

func seconds(d time.Duration) string {
	if d == 0 {
		return "0" + space + "s"
	}
	return d.String()
}

func listed[T any](values []T) string {
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
