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
)

// sampleInterval is the time between two samples.
const sampleInterval = 250 * time.Millisecond

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

// sample samples a process and its children until the process has ended. If a sample fails, it calls stop, which must
// end the process: otherwise, sample would wait for the whole run.
func sample(pid int, ended <-chan error, stop func()) (memorySamples, error) {
	var all memorySamples
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

// roleOf returns the role of a helper process, from its arguments.
func roleOf(pid string) (role, bool) {
	content, err := os.ReadFile("/proc/" + pid + "/cmdline")
	if err != nil {
		return "", false
	}
	args := bytes.Split(content, []byte{0})
	if len(args) < 3 || string(args[1]) != "helper" {
		return "", false
	}
	if string(args[2]) == "write" {
		return writer, true
	}
	return reader, true
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

// print prints the median and the highest memory of each role, in each quarter of the time in which it had processes,
// and the size of the bundle in bytes.
func (s memorySamples) print(out io.Writer, bundle int) error {
	const mebi = 1 << 20
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "resident memory, MiB\tquarter\tmedian\thighest\t")
	for _, of := range []role{experiment, writer, reader} {
		for i, quarter := range s.quarters(of) {
			if len(quarter) > 0 {
				fmt.Fprintf(w, "%s\t%d\t%.1f\t%.1f\t\n", of, i+1,
					float64(quarter[len(quarter)/2])/mebi, float64(quarter[len(quarter)-1])/mebi)
			}
		}
	}
	fmt.Fprintf(w, "evidence bundle, compressed\t\t%.2f\t\t\n", float64(bundle)/mebi)
	return w.Flush()
}

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
