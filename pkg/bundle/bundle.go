// Package bundle is the evidence bundle of a run: a set of files with the result, its reports, the data for repeating
// the judgement, and a manifest with the SHA-256 of each file.
//
// Every file but the cluster's objects and events is generated from the result. The package reads and writes folders
// and archives, and does not access a cluster.
package bundle

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/report/assessment"
	"github.com/volume-durability/volume-durability/pkg/report/rule"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// Schema is the version of a Manifest's JSON.
const Schema = "volume-durability/bundle/v1alpha1"

// Names of files in a bundle. Bundles of earlier versions may lack the metrics.
const (
	ResultFile   = "result.json"
	ManifestFile = "manifest.json"
	MetricsFile  = "metrics.txt"
)

// File is one file of a bundle. Its name is a slash-separated path.
type File struct {
	Name    string
	Content []byte
}

// Bundle is a set of files, sorted by name.
type Bundle struct {
	Files []File
}

// Options are the parameters of the reports in a bundle.
type Options struct {
	// Rule is the Vuln ID of the rule for the checklists, such as V-260932; empty for rule.Default.
	Rule string
	// Asset is the cluster's name in the assessor's tools; empty for a name made of its UID.
	Asset string
	// Location is the place where the bundle is stored; empty if unknown.
	Location string
}

// Manifest lists the other files of a bundle.
type Manifest struct {
	Schema  string        `json:"schema"`
	RunID   string        `json:"runID"`
	Verdict judge.Verdict `json:"verdict"`
	Tool    result.Tool   `json:"tool"`
	Files   []Entry       `json:"files"`
}

// Entry is a file in a manifest.
type Entry struct {
	Name   string `json:"name"`
	Size   int    `json:"size"`
	SHA256 string `json:"sha256"`
}

// Make generates the bundle of a result. For the same result and options, its files are identical.
func Make(r result.Result, o Options) (Bundle, error) {
	to, err := rule.Find(cmp.Or(o.Rule, rule.Default))
	if err != nil {
		return Bundle{}, err
	}
	encoded, err := encode(r)
	if err != nil {
		return Bundle{}, fmt.Errorf("encoding the result of run %s: %w", r.RunID, err)
	}
	b := Bundle{Files: []File{{ResultFile, encoded}}}
	s := source{r, to, assessment.Metadata{Asset: o.Asset, BundleLocation: o.Location, ResultSHA256: sum(encoded)}}
	for _, f := range reports(r) {
		content, err := f.render(s)
		if err != nil {
			return Bundle{}, fmt.Errorf("generating %s for run %s: %w", f.name, r.RunID, err)
		}
		b.Files = append(b.Files, File{f.name, content})
	}
	manifest, err := encode(Manifest{Schema: Schema, RunID: r.RunID, Verdict: r.Verdict, Tool: r.Tool, Files: b.entries()})
	if err != nil {
		return Bundle{}, fmt.Errorf("encoding the manifest of run %s: %w", r.RunID, err)
	}
	b.Files = append(b.Files, File{ManifestFile, manifest})
	b.sort()
	return b, nil
}

// checkNames rejects names that lead out of the folder, and duplicates.
func (b Bundle) checkNames() error {
	var problems []error
	known := map[string]bool{}
	for _, f := range b.Files {
		switch {
		case !fs.ValidPath(f.Name) || f.Name == ".":
			problems = append(problems, fmt.Errorf("%q is not the name of a file in a folder", f.Name))
		case known[f.Name]:
			problems = append(problems, fmt.Errorf("duplicate file %s", f.Name))
		}
		known[f.Name] = true
	}
	return errors.Join(problems...)
}

func (b Bundle) sort() {
	slices.SortFunc(b.Files, func(x, y File) int { return strings.Compare(x.Name, y.Name) })
}

// entries returns the entries of all files but the manifest.
func (b Bundle) entries() []Entry {
	b.Files = slices.Clone(b.Files)
	b.sort()
	var all []Entry
	for _, f := range b.Files {
		if f.Name != ManifestFile {
			all = append(all, Entry{f.Name, len(f.Content), sum(f.Content)})
		}
	}
	return all
}

// File returns the content of a file.
func (b Bundle) File(name string) ([]byte, error) {
	for _, f := range b.Files {
		if f.Name == name {
			return f.Content, nil
		}
	}
	return nil, fmt.Errorf("%s is not in the bundle: %w", name, fs.ErrNotExist)
}

// Result returns the result in the bundle.
func (b Bundle) Result() (result.Result, error) {
	var r result.Result
	if err := b.decode(ResultFile, &r); err != nil {
		return result.Result{}, err
	}
	if r.Schema != result.Schema {
		return result.Result{}, fmt.Errorf("%s has schema %q: want %q", ResultFile, r.Schema, result.Schema)
	}
	return r, nil
}

// Manifest returns the manifest in the bundle.
func (b Bundle) Manifest() (Manifest, error) {
	var m Manifest
	if err := b.decode(ManifestFile, &m); err != nil {
		return Manifest{}, err
	}
	if m.Schema != Schema {
		return Manifest{}, fmt.Errorf("%s has schema %q: want %q", ManifestFile, m.Schema, Schema)
	}
	return m, nil
}

func (b Bundle) decode(name string, into any) error {
	content, err := b.File(name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(content, into); err != nil {
		return fmt.Errorf("decoding %s: %w", name, err)
	}
	return nil
}

// Verify compares the files with the manifest. Its error names every file that differs, is missing or is not listed.
func (b Bundle) Verify() error {
	m, err := b.Manifest()
	if err != nil {
		return err
	}
	present := map[string]Entry{}
	for _, e := range b.entries() {
		present[e.Name] = e
	}
	var problems []error
	for _, want := range m.Files {
		got, found := present[want.Name]
		delete(present, want.Name)
		switch {
		case !found:
			problems = append(problems, fmt.Errorf("%s is missing", want.Name))
		case got.Size != want.Size:
			problems = append(problems, fmt.Errorf("%s differs: it has %s, not %d",
				want.Name, judge.Count(got.Size, "byte"), want.Size))
		case got.SHA256 != want.SHA256:
			problems = append(problems, fmt.Errorf("%s differs: its SHA-256 is %s, not %s", want.Name, got.SHA256, want.SHA256))
		}
	}
	for _, e := range b.entries() {
		if _, extra := present[e.Name]; extra {
			problems = append(problems, fmt.Errorf("%s is not in the manifest", e.Name))
		}
	}
	return errors.Join(problems...)
}

func encode(value any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(value); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func sum(content []byte) string {
	s := sha256.Sum256(content)
	return hex.EncodeToString(s[:])
}
