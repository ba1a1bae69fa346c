package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// loadModules loads kernel modules, and those that they depend on, from the packages below a
// folder. It starts no program: that is slow in a guest.
func loadModules(root string, names []string) error {
	release, err := kernelRelease()
	if err != nil {
		return err
	}
	dir := filepath.Join(root, "usr", "lib", "uml", "modules", release)
	table, err := os.ReadFile(filepath.Join(dir, "modules.dep"))
	if err != nil {
		return fmt.Errorf("looking for the kernel's modules: %w", err)
	}
	for _, name := range names {
		files, err := filesOf(string(table), name)
		if err != nil {
			return err
		}
		for _, file := range files {
			if err := loadModule(filepath.Join(dir, file)); err != nil {
				return fmt.Errorf("loading %s for %s: %w", file, name, err)
			}
		}
	}
	return nil
}

func kernelRelease() (string, error) {
	var uname unix.Utsname
	if err := unix.Uname(&uname); err != nil {
		return "", err
	}
	return unix.ByteSliceToString(uname.Release[:]), nil
}

// filesOf returns the files to load for a module, in their order. Table is a modules.dep: in a
// line, a module follows those that depend on it.
func filesOf(table, name string) ([]string, error) {
	for line := range strings.Lines(table) {
		file, dependencies, found := strings.Cut(strings.TrimSpace(line), ":")
		if found && filepath.Base(file) == name+".ko" {
			files := append([]string{file}, strings.Fields(dependencies)...)
			slices.Reverse(files)
			return files, nil
		}
	}
	return nil, fmt.Errorf("the kernel has no module %s", name)
}

func loadModule(file string) (err error) {
	opened, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	if err := unix.FinitModule(int(opened.Fd()), "", 0); !errors.Is(err, unix.EEXIST) {
		return err
	}
	return nil
}
