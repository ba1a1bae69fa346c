package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// errNoPackage reports that a package is not installed and cannot be installed.
var errNoPackage = errors.New("a package cannot be installed")

// version returns the version of an installed Debian package, and "" if it is not installed.
func version(ctx context.Context, name string) string {
	output, err := exec.CommandContext(ctx, "dpkg-query", "-W", "-f", "${db:Status-Abbrev}${Version}", name).Output()
	installed, found := strings.CutPrefix(string(output), "ii ")
	if err != nil || !found {
		return ""
	}
	return installed
}

// install installs the packages that are missing.
func install(ctx context.Context, packages []string) error {
	var missing []string
	for _, name := range packages {
		if version(ctx, name) == "" {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	if err := aptGet(ctx, missing); err == nil {
		return nil
	}
	// The lists of packages may be missing or old.
	if err := apt(ctx, "update"); err != nil {
		return err
	}
	return aptGet(ctx, missing)
}

func aptGet(ctx context.Context, packages []string) error {
	return apt(ctx, append([]string{"install", "-y", "--no-install-recommends"}, packages...)...)
}

func apt(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "apt-get", append([]string{"-qq", "-o", "DPkg::Lock::Timeout=300"}, args...)...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: apt-get %s: %w: %s", errNoPackage, strings.Join(args, " "), err, tail(string(output)))
	}
	return nil
}

// requirements are the packages that every backend needs.
func (b Backend) requirements() []string {
	all := append([]string{"e2fsprogs", "mount", "util-linux", "iproute2", "procps"}, b.Packages...)
	if b.Version != "" {
		return all
	}
	return append(all, b.Package)
}

// buildModule builds the program of the Go module of a backend.
func buildModule(ctx context.Context, folder string, b Backend) error {
	if b.Replace == "" {
		return goCommand(ctx, "", []string{"GOBIN=" + folder}, "install", b.Module)
	}
	// go install refuses a module with a replacement, so it is built from another module.
	work, err := os.MkdirTemp(folder, "build-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }() // it contains only two files
	program, _, _ := strings.Cut(b.Module, "@")
	for _, args := range [][]string{
		{"mod", "init", "tools"},
		{"mod", "edit", "-replace", b.Replace},
		{"get", b.Module},
		{"build", "-trimpath", "-gcflags", "all=-dwarf=false", "-ldflags", "-s -w", "-o", folder, program},
	} {
		if err := goCommand(ctx, work, nil, args...); err != nil {
			return err
		}
	}
	return nil
}

// goCommand runs the go command in a folder, with the lowest priority: backends are measured meanwhile.
func goCommand(ctx context.Context, folder string, env []string, args ...string) error {
	cmd := exec.CommandContext(ctx, "nice", append([]string{"-n", "19", "go"}, args...)...)
	cmd.Dir = folder
	cmd.Env = append(append(os.Environ(), "CGO_ENABLED=0"), env...)
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go %s: %w: %s", strings.Join(args, " "), err, tail(string(output)))
	}
	return nil
}
