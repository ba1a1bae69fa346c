package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"time"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"

	"github.com/volume-durability/volume-durability/pkg/bundle"
	"github.com/volume-durability/volume-durability/pkg/bundlestore"
	"github.com/volume-durability/volume-durability/pkg/litmus"
	"github.com/volume-durability/volume-durability/pkg/report/html"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

// run is a finished run and its evidence bundle.
type run struct {
	name   string
	bundle bundle.Bundle
}

// annotationTimeout is how long the demo waits until a ChaosResult with a verdict names the bundle.
const annotationTimeout = 30 * time.Second

// loadBundle loads the evidence bundle that the ChaosResult of an engine names.
func loadBundle(ctx context.Context, ns *chaosengine.Namespace, name string) (bundle.Bundle, error) {
	timedOut := fmt.Errorf("the ChaosResult did not name an evidence bundle within %s", annotationTimeout)
	ctx, cancel := context.WithTimeoutCause(ctx, annotationTimeout, timedOut)
	defer cancel()
	chaosResult, err := ns.AwaitResult(ctx, name, "volume-durability", func(r *chaosv1alpha1.ChaosResult) bool {
		return r.Annotations[litmus.BundleAnnotation] != ""
	})
	if err != nil {
		return bundle.Bundle{}, err
	}
	_, bundleName := path.Split(chaosResult.Annotations[litmus.BundleAnnotation])
	return bundlestore.Store{Client: ns.Kube, Namespace: ns.Name}.Load(ctx, bundleName)
}

// writeBundles writes each run's bundle into its own folder, writes one report page with
// all runs, and prints where they are. It replaces what an earlier demo wrote.
func writeBundles(runs []run, folder string) error {
	if len(runs) == 0 {
		return nil
	}
	fmt.Print("\n── The evidence bundles of both runs\n\n")
	var results []result.Result
	for _, r := range runs {
		outcome, err := r.write(filepath.Join(folder, r.name))
		if err != nil {
			return err
		}
		results = append(results, outcome)
	}
	page, err := html.RenderAll(results...)
	if err != nil {
		return err
	}
	file := filepath.Join(folder, "report.html")
	if err := os.WriteFile(file, page, 0o644); err != nil {
		return fmt.Errorf("writing the report page: %w", err)
	}
	absolute, err := filepath.Abs(file)
	if err != nil {
		return fmt.Errorf("making the path of %s absolute: %w", file, err)
	}
	address := &url.URL{Scheme: "file", Path: filepath.ToSlash(absolute)}
	fmt.Printf("  %-24s the report page of both runs; in a browser: %s\n", file, address)
	return nil
}

// write writes the bundle into a folder and verifies the files there against the manifest.
func (r run) write(folder string) (result.Result, error) {
	if err := os.RemoveAll(folder); err != nil {
		return result.Result{}, fmt.Errorf("removing the bundle of an earlier demo: %w", err)
	}
	if err := r.bundle.Write(folder); err != nil {
		return result.Result{}, err
	}
	written, err := bundle.ReadFolder(folder)
	if err != nil {
		return result.Result{}, err
	}
	if err := written.Verify(); err != nil {
		return result.Result{}, fmt.Errorf("the files in %s do not match the manifest: %w", folder, err)
	}
	outcome, err := written.Result()
	if err != nil {
		return result.Result{}, err
	}
	fmt.Printf("  %-24s %s, run %s: %d files, verified against manifest.json\n",
		folder, outcome.Verdict, outcome.RunID, len(written.Files))
	return outcome, nil
}
