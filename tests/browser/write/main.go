// The program write writes the report page of each sample, and its result in JSON, for the browser tests.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/sirupsen/logrus"

	"github.com/volume-durability/volume-durability/pkg/report/html"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/tests/samples"
)

func main() {
	folder := flag.String("folder", "build/page", "folder to write to")
	flag.Parse()
	if err := write(*folder); err != nil {
		logrus.Fatal(err)
	}
}

func write(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("creating %s: %w", folder, err)
	}
	all := append(samples.All(), samples.Sample{Name: "crowded", Result: crowded()},
		samples.Sample{Name: "many-cells", Result: samples.ManyCells(1000)},
		samples.Sample{Name: "many-deletions", Result: samples.ManyDeletions(5000)})
	for _, s := range all {
		if err := writePage(folder, s.Name, s.Result, s.Result); err != nil {
			return err
		}
	}
	for name, runs := range map[string][]result.Result{
		"two":  {samples.Pass(), samples.Empty()},
		"runs": {samples.Pass(), crowded(), samples.Stopped(), samples.NotApplicable(), samples.Matrix(), samples.Matrix()},
	} {
		if err := writePage(folder, name, runs, runs...); err != nil {
			return err
		}
	}
	return nil
}

// writePage writes a page of results and the JSON that it was made of.
func writePage(folder, name string, source any, results ...result.Result) error {
	page, err := html.RenderAll(results...)
	if err != nil {
		return fmt.Errorf("sample %s: %w", name, err)
	}
	encoded, err := json.Marshal(source)
	if err != nil {
		return fmt.Errorf("encoding sample %s: %w", name, err)
	}
	for file, content := range map[string][]byte{name + ".html": page, name + ".json": encoded} {
		if err := os.WriteFile(filepath.Join(folder, file), content, 0o644); err != nil {
			return fmt.Errorf("writing sample %s: %w", name, err)
		}
	}
	return nil
}

// crowded returns a result with the longest names that Kubernetes allows and very many deletions.
func crowded() result.Result {
	r := samples.Matrix()
	for i := range r.Cells {
		c := &r.Cells[i]
		c.Spec.StorageClass = strings.Repeat("storageclass", 21) + fmt.Sprint(i)
		c.Spec.Name = c.Spec.StorageClass + "/graceful"
		if c.Claim != nil {
			c.Claim.Name, c.Claim.StorageClass = "stig-pvc-"+c.Spec.StorageClass, c.Spec.StorageClass
		}
	}
	r.Reason = "2 of 6 cells failed: " + r.Cells[2].Spec.Name + ", " + r.Cells[3].Spec.Name
	c := &r.Cells[3]
	last := len(c.Epochs) - 1
	period := c.Epochs[last].DeletionRequestedAt.Sub(c.Epochs[last-1].DeletionRequestedAt)
	samples.WithDeletions(c, len(c.Epochs)+60, period)
	samples.AddTrace(&r)
	return r
}
