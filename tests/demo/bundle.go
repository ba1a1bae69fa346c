package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"

	"github.com/volume-durability/volume-durability/pkg/bundle"
	"github.com/volume-durability/volume-durability/pkg/bundlestore"
	"github.com/volume-durability/volume-durability/pkg/litmus"
	"github.com/volume-durability/volume-durability/pkg/report/html"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

// run is a run that has ended, with its evidence.
type run struct {
	name   string
	bundle bundle.Bundle
}

// noted is how long after its verdict a ChaosResult may take to say where the evidence is.
const noted = 30 * time.Second

// evidenceOf gets the evidence of an engine's run from where its ChaosResult says that it is.
func evidenceOf(ctx context.Context, ns *chaosengine.Namespace, name string) (bundle.Bundle, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, noted, fmt.Errorf("it names no evidence within %s", noted))
	defer cancel()
	result, err := ns.AwaitResult(ctx, name, "volume-durability", func(r *chaosv1alpha1.ChaosResult) bool {
		return r.Annotations[litmus.BundleAnnotation] != ""
	})
	if err != nil {
		return bundle.Bundle{}, err
	}
	where := result.Annotations[litmus.BundleAnnotation]
	return bundlestore.Store{Client: ns.Kube, Namespace: ns.Name}.Load(ctx, where[strings.LastIndex(where, "/")+1:])
}

// leave writes the evidence of the runs into a folder of each, and a page that shows
// them all, and says where they are. What a former demo has left is replaced.
func leave(runs []run, folder string) error {
	if len(runs) == 0 {
		return nil
	}
	fmt.Print("\n── The evidence, which stays\n\n")
	var results []result.Result
	for _, r := range runs {
		result, err := r.leave(filepath.Join(folder, r.name))
		if err != nil {
			return err
		}
		results = append(results, result)
	}
	page, err := html.RenderAll(results...)
	if err != nil {
		return err
	}
	file := filepath.Join(folder, "report.html")
	if err := os.WriteFile(file, page, 0o644); err != nil {
		return fmt.Errorf("writing the page of the runs: %w", err)
	}
	address, err := filepath.Abs(file)
	if err != nil {
		return fmt.Errorf("finding the address of %s: %w", file, err)
	}
	fmt.Printf("  %-24s the page of these runs; in a browser: %s\n", file, &url.URL{Scheme: "file", Path: filepath.ToSlash(address)})
	return nil
}

// leave writes the evidence into a folder, and holds what is there to the manifest.
func (r run) leave(folder string) (result.Result, error) {
	if err := os.RemoveAll(folder); err != nil {
		return result.Result{}, fmt.Errorf("removing the evidence of a former demo: %w", err)
	}
	if err := r.bundle.Write(folder); err != nil {
		return result.Result{}, err
	}
	written, err := bundle.ReadFolder(folder)
	if err != nil {
		return result.Result{}, err
	}
	if err := written.Verify(); err != nil {
		return result.Result{}, fmt.Errorf("the evidence in %s is not as its manifest says: %w", folder, err)
	}
	outcome, err := written.Result()
	if err != nil {
		return result.Result{}, err
	}
	fmt.Printf("  %-24s %s, run %s: %d files, as manifest.json says\n", folder, outcome.Verdict, outcome.RunID, len(written.Files))
	return outcome, nil
}
