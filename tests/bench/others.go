package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// command measures a program that reads a whole journal, in GB/s. Its output is discarded.
func (p plan) command(name string, args ...string) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		cmd := exec.CommandContext(ctx, name, args...)
		began := time.Now()
		if err := cmd.Run(); err != nil {
			return sample{}, fmt.Errorf("%s: %w", name, err)
		}
		took, done := time.Since(began), float64(p.bytes)/giga
		cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		return sample{rate: done / took.Seconds(), perCPU: done / cpu.Seconds()}, nil
	}
}

// fioReport is the part of fio's JSON output that is used.
type fioReport struct {
	Jobs []struct {
		Read  fioDirection `json:"read"`
		Write fioDirection `json:"write"`
	} `json:"jobs"`
}

type fioDirection struct {
	BytesPerSecond float64 `json:"bw_bytes"`
	Operations     float64 `json:"total_ios"`
	Milliseconds   float64 `json:"runtime"`
}

// fio runs one group of jobs and returns its rates. By fio's own clock, they exclude its start.
func fio(ctx context.Context, args ...string) (read, write fioDirection, err error) {
	args = append([]string{"--name=bench", "--output-format=json"}, args...)
	output, err := exec.CommandContext(ctx, "fio", args...).Output()
	if err != nil {
		return read, write, fmt.Errorf("fio: %w", err)
	}
	var report fioReport
	if err := json.Unmarshal(output, &report); err != nil {
		return read, write, fmt.Errorf("reading the output of fio: %w", err)
	}
	if len(report.Jobs) != 1 {
		return read, write, fmt.Errorf("fio reported %d jobs, want 1", len(report.Jobs))
	}
	return report.Jobs[0].Read, report.Jobs[0].Write, nil
}

// fioVerify writes a file with checksums once, and measures reading and verifying it, in GB/s.
func (p plan) fioVerify() func(context.Context) (sample, error) {
	path := filepath.Join(p.dir, "fio-verify")
	size := "--size=" + strconv.FormatInt(p.bytes, 10)
	common := []string{"--filename=" + path, "--bs=4k", "--verify=crc32c", "--verify_state_save=0", size, "--invalidate=0"}
	return func(ctx context.Context) (sample, error) {
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			if _, _, err := fio(ctx, append(common, "--rw=write", "--do_verify=0")...); err != nil {
				return sample{}, err
			}
		}
		read, _, err := fio(ctx, append(common, "--rw=read")...)
		return sample{rate: read.BytesPerSecond / giga}, err
	}
}

// fioManyCommits measures writers that each do n durable writes to a new file of their own, in writes per second.
func (p plan) fioManyCommits(writers, n, size int) func(context.Context) (sample, error) {
	return func(ctx context.Context) (s sample, err error) {
		folder, err := os.MkdirTemp(p.dir, "fio-writers")
		if err != nil {
			return sample{}, err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
		_, write, err := fio(ctx, "--directory="+folder, "--rw=write", "--fdatasync=1", "--fallocate=none", "--thread",
			"--group_reporting", "--numjobs="+strconv.Itoa(writers), "--bs="+strconv.Itoa(size), "--size="+strconv.Itoa(n*size))
		return sample{rate: write.Operations / write.Milliseconds * 1000}, err
	}
}

// fioCommits measures n durable writes to a new file, in writes per second.
func (p plan) fioCommits(n, size int, more ...string) func(context.Context) (sample, error) {
	path := filepath.Join(p.dir, "fio-commits")
	args := append([]string{
		"--filename=" + path, "--rw=write", "--fdatasync=1", "--fallocate=none",
		"--bs=" + strconv.Itoa(size), "--size=" + strconv.Itoa(n*size),
	}, more...)
	return func(ctx context.Context) (sample, error) {
		_, write, err := fio(ctx, args...)
		if err != nil {
			return sample{}, err
		}
		return sample{rate: write.Operations / write.Milliseconds * 1000}, os.Remove(path)
	}
}
