//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/volume-durability/volume-durability/tests/bench/ratio"
)

const (
	// sampleInterval is the time between two samples.
	sampleInterval = 250 * time.Millisecond
	// readerInterval is the time between two samples of the reader, which may need only a fraction of a second.
	readerInterval = 5 * time.Millisecond
)

// role is what a process of a run does.
type role string

const (
	experiment role = "experiment"
	writer     role = "writer"
	reader     role = "reader"
)

// memorySample is the resident memory of one process, in bytes.
type memorySample struct {
	at    time.Time
	role  role
	bytes int64
}

type memorySamples []memorySample

// sample samples a process and its children until the process has ended. Once the time of chaos is over, it samples
// only the reader, more often. If a sample fails, it calls stop, which must end the process: otherwise, sample would
// wait for the whole run.
func sample(pid int, chaos time.Duration, ended <-chan error, stop func()) (memorySamples, error) {
	var all memorySamples
	began, isOver := time.Now(), false
	ticks := time.NewTicker(sampleInterval)
	defer ticks.Stop()
	for {
		select {
		case err := <-ended:
			return all, err
		case now := <-ticks.C:
			samples, err := sampleOnce(pid, now)
			if err != nil {
				stop()
				return nil, errors.Join(err, <-ended)
			}
			if isOver {
				samples = slices.DeleteFunc(samples, func(m memorySample) bool { return m.role != reader })
			} else if isOver = now.Sub(began) > chaos; isOver {
				ticks.Reset(readerInterval)
			}
			all = append(all, samples...)
		}
	}
}

// sampleOnce samples a process and its children. A child that has ended meanwhile is left out.
func sampleOnce(pid int, now time.Time) (memorySamples, error) {
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return nil, err
	}
	var samples memorySamples
	if bytes, ok := residentMemory(strconv.Itoa(pid)); ok {
		samples = append(samples, memorySample{now, experiment, bytes})
	}
	for _, list := range lists {
		children, err := os.ReadFile(list)
		if errors.Is(err, os.ErrNotExist) { // the thread has ended
			continue
		} else if err != nil {
			return nil, err
		}
		for _, child := range bytes.Fields(children) {
			role, isHelper := roleOf(string(child))
			if memory, ok := residentMemory(string(child)); ok && isHelper {
				samples = append(samples, memorySample{now, role, memory})
			}
		}
	}
	return samples, nil
}

// roleOf returns the role of a helper process, from its arguments. The helper that removes the journal has none.
func roleOf(pid string) (role, bool) {
	content, err := os.ReadFile("/proc/" + pid + "/cmdline")
	if err != nil {
		return "", false
	}
	args := bytes.Split(content, []byte{0})
	if len(args) < 3 || string(args[1]) != "helper" {
		return "", false
	}
	role, known := map[string]role{"write": writer, "read": reader}[string(args[2])]
	return role, known
}

// residentMemory returns the resident memory of a process in bytes, unless it has ended.
func residentMemory(pid string) (int64, bool) {
	content, err := os.ReadFile("/proc/" + pid + "/statm")
	fields := bytes.Fields(content)
	if err != nil || len(fields) < 2 {
		return 0, false
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	return pages * int64(os.Getpagesize()), err == nil && pages > 0
}

// print prints the median and the highest memory of each role, in each quarter of the time in which it had processes.
func (s memorySamples) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "resident memory, MiB\tquarter\tmedian\thighest\t")
	for _, of := range []role{experiment, writer, reader} {
		for i, quarter := range s.quarters(of) {
			if len(quarter) > 0 {
				fmt.Fprintf(w, "%s\t%d\t%.1f\t%.1f\t\n", of, i+1,
					median(quarter)/mebi, float64(quarter[len(quarter)-1])/mebi)
			}
		}
	}
	return w.Flush()
}

// area is that of the rows of this program.
const area = "Long run"

// maxGrowth limits the memory at the end of a run, relative to that in the second quarter.
const maxGrowth = 1.05

// rows compares the median memory in the last quarter of a role's time with that in the second one. If the reader needs
// too little time for that, its highest memory is compared with that in a short run.
func (s memorySamples) rows(short memorySamples) (rows []ratio.Row) {
	isCompared := map[role]bool{}
	for _, of := range []role{experiment, writer, reader} {
		quarters := s.quarters(of)
		second, last := quarters[1], quarters[3]
		if len(second) < minSamples || len(last) < minSamples {
			continue
		}
		isCompared[of] = true
		rows = append(rows, ratio.Row{
			Area: area, Measured: "memory of the " + string(of) + ", last quarter", Peer: "second quarter", Unit: "MiB",
			Value: median(last) / mebi, PeerValue: median(second) / mebi, AtMost: maxGrowth,
		}.OfValues())
	}
	if highest, peer := s.highest(reader), short.highest(reader); !isCompared[reader] && highest > 0 && peer > 0 {
		rows = append(rows, ratio.Row{
			Area: area, Measured: "highest memory of the reader", Peer: "run with few deletions", Unit: "MiB",
			Value: highest / mebi, PeerValue: peer / mebi, AtMost: maxGrowth,
		}.OfValues())
	}
	return rows
}

// minSamples is how many samples a quarter of a role's time must have, so that it is compared. A process that has only
// begun has less memory than it needs.
const minSamples = 20

// highest returns the highest memory of a role; 0 if it has no sample.
func (s memorySamples) highest(of role) float64 {
	var highest int64
	for _, m := range s {
		if m.role == of {
			highest = max(highest, m.bytes)
		}
	}
	return float64(highest)
}

func median(values []int64) float64 { return float64(ratio.Median(values)) }

// quarters returns the sorted memory of a role in each quarter of its time.
func (s memorySamples) quarters(of role) (quarters [4][]int64) {
	own := slices.DeleteFunc(slices.Clone(s), func(m memorySample) bool { return m.role != of })
	if len(own) == 0 {
		return quarters
	}
	first, last := own[0].at, own[len(own)-1].at
	for _, m := range own {
		i := min(3, int(4*m.at.Sub(first)/max(1, last.Sub(first))))
		quarters[i] = append(quarters[i], m.bytes)
	}
	for _, q := range quarters {
		slices.Sort(q)
	}
	return quarters
}
