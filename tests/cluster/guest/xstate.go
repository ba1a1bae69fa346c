package guest

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sys/cpu"
)

//go:embed xstate/ptrace.c
var ptraceSource []byte

// ptraceLibrary returns the library that the kernel of a guest must preload on this processor; empty if it needs none.
// It builds the library once in a cache folder. The source of the library has the reason for it.
func ptraceLibrary(ctx context.Context, cache string) (string, error) {
	if !cpu.X86.HasAMXTile {
		return "", nil
	}
	sum := sha256.Sum256(ptraceSource)
	library := filepath.Join(cache, fmt.Sprintf("guest-ptrace-%x.so", sum[:8]))
	if _, err := os.Stat(library); !errors.Is(err, fs.ErrNotExist) {
		return library, err
	}
	if _, err := exec.LookPath("gcc"); err != nil {
		return "", fmt.Errorf("%w: on a processor with AMX they need a C compiler, and there is no gcc", ErrUnavailable)
	}
	source := library + ".c"
	if err := os.WriteFile(source, ptraceSource, 0o644); err != nil {
		return "", err
	}
	defer func() { _ = os.Remove(source) }()
	unfinished := library + ".new"
	build := exec.CommandContext(ctx, "gcc", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", unfinished, source)
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w: %s", library, err, output)
	}
	return library, os.Rename(unfinished, library)
}
