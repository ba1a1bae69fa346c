// The program write writes the report page of each sample, and its result in JSON, for the browser tests.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

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
	for _, s := range append(samples.All(), samples.Sample{Name: "crowded", Result: crowded()}) {
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
	every := c.Epochs[last].DeletionRequestedAt.Sub(c.Epochs[last-1].DeletionRequestedAt)
	for i := range 60 {
		c.Epochs = append(c.Epochs, later(c.Epochs[last], i+1, time.Duration(i+1)*every))
	}
	c.Reader.Pod = laterPod(c.Reader.Pod, 60*every)
	c.Reader.ReceivedAt = c.Reader.ReceivedAt.Add(60 * every)
	return r
}

// later returns a copy of an epoch with a higher number and later times.
func later(e result.Epoch, number int, after time.Duration) result.Epoch {
	e.Number, e.Pod, e.InitialRead = e.Number+number, laterPod(e.Pod, after), nil
	e.FirstAckAt, e.DeletionRequestedAt = e.FirstAckAt.Add(after), e.DeletionRequestedAt.Add(after)
	e.DeletedAt = e.DeletedAt.Add(after + time.Duration(number)*time.Millisecond)
	e.Acks = slices.Clone(e.Acks)
	for i := range e.Acks {
		e.Acks[i].ReceivedAt = e.Acks[i].ReceivedAt.Add(after)
	}
	return e
}

func laterPod(p result.Pod, after time.Duration) result.Pod {
	for _, at := range []*time.Time{&p.CreatedAt, &p.ScheduledAt, &p.AttachedAt, &p.MountedAt, &p.StartedAt} {
		if !at.IsZero() {
			*at = at.Add(after)
		}
	}
	return p
}
