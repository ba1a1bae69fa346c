//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"

	"github.com/volume-durability/volume-durability/pkg/bundle"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/tests/bench/ratio"
)

const mebi = 1 << 20

// maxBundle is the limit of a compressed bundle in bytes.
const maxBundle = 1 * mebi

// finishedRun is what the bundle of a run shows.
type finishedRun struct {
	records   uint64
	deletions int
	// compressed is the length of the bundle as a tar file, compressed with gzip.
	compressed int
	// files are the compressed lengths of its files.
	files []compressedFile
}

type compressedFile struct {
	name             string
	size, compressed int
}

// inspectBundle reads the bundle in a folder.
func inspectBundle(ctx context.Context, folder string) (finishedRun, error) {
	b, err := bundle.ReadFolder(folder)
	if err != nil {
		return finishedRun{}, err
	}
	result, err := b.Result()
	if err != nil {
		return finishedRun{}, err
	}
	var run finishedRun
	for _, c := range result.Cells {
		run.records, run.deletions = run.records+ledger.CountRecords(c.Acks), run.deletions+c.Deletions()
	}
	for _, f := range b.Files {
		size, err := compressedSize(ctx, folder, f.Name)
		if err != nil {
			return finishedRun{}, err
		}
		run.files = append(run.files, compressedFile{f.Name, len(f.Content), size})
	}
	run.compressed, err = compressedSize(ctx, filepath.Dir(folder), filepath.Base(folder))
	return run, err
}

// compressedSize returns the length in bytes of a file or folder as a tar file, compressed with gzip.
func compressedSize(ctx context.Context, parent, name string) (int, error) {
	var size counter
	tar := exec.CommandContext(ctx, "tar", "-czf", "-", "-C", parent, name)
	tar.Stdout = &size
	if err := tar.Run(); err != nil {
		return 0, fmt.Errorf("compressing %s: %w", filepath.Join(parent, name), err)
	}
	return int(size), nil
}

// counter counts the bytes that are written to it.
type counter int

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}

func (r finishedRun) print(out io.Writer) {
	fmt.Fprintf(out, "%s, %s\n", judge.Count(r.records, "record"), judge.Count(r.deletions, "deletion"))
	fmt.Fprintf(out, "evidence bundle, compressed: %.2f MiB\n", float64(r.compressed)/mebi)
	for _, f := range r.files {
		fmt.Fprintf(out, "  %-24s %8.3f MiB, compressed %.3f MiB\n",
			f.name, float64(f.size)/mebi, float64(f.compressed)/mebi)
	}
}

// row compares the size of the bundle with its limit.
func (r finishedRun) row() ratio.Row {
	measured := "compressed bundle of " + judge.Count(r.deletions, "deletion")
	return ratio.Limited(area, measured, "MiB", float64(r.compressed)/mebi, float64(maxBundle)/mebi)
}
