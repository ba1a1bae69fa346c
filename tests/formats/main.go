// The program formats writes the bundle of each sample for each rule, for the tests that read them with the parsers of
// other tools.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/volume-durability/volume-durability/pkg/bundle"
	"github.com/volume-durability/volume-durability/pkg/report/rule"
	"github.com/volume-durability/volume-durability/tests/samples"
)

func main() {
	folder := flag.String("folder", "build/formats", "folder to write to; its content is deleted first")
	flag.Parse()
	if err := write(*folder); err != nil {
		fmt.Fprintln(os.Stderr, "formats:", err)
		os.Exit(1)
	}
}

func write(folder string) error {
	if err := os.RemoveAll(folder); err != nil {
		return fmt.Errorf("emptying %s: %w", folder, err)
	}
	rules, err := rule.All()
	if err != nil {
		return err
	}
	for _, s := range samples.All() {
		for _, to := range rules {
			where := "ConfigMap stig/volume-durability-bundle-" + s.Result.RunID
			b, err := bundle.Make(s.Result, bundle.Options{Rule: to.GroupID, Location: where})
			if err != nil {
				return fmt.Errorf("sample %s: %w", s.Name, err)
			}
			if err := b.Write(filepath.Join(folder, s.Name, to.GroupID)); err != nil {
				return fmt.Errorf("sample %s: %w", s.Name, err)
			}
		}
	}
	return nil
}
