// Package bundle is the evidence of a run as a set of files: the result, every form
// of it that a person or a tool reads, what it was judged by, and a manifest with
// the sum of each.
//
// All but what the caller adds derives from the result. It knows folders, and
// nothing of clusters.
package bundle

import (
	"bytes"
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

// Schema names the form of a manifest.
const Schema = "volume-durability/bundle/v1alpha1"

// Names of the two files that every bundle has.
const (
	ResultFile   = "result.json"
	ManifestFile = "manifest.json"
)

// File is one file of a bundle. Its name may have folders, separated by slashes.
type File struct {
	Name    string
	Content []byte
}

// Bundle is files, in the order of their names.
type Bundle struct {
	Files []File
}

// Options are what a bundle says beyond the result.
type Options struct {
	// Rule is the group of the rule that the checklists are of; empty for rule.Default.
	Rule string
	// Asset is the name by which the user's tools know the cluster, Where says where
	// the bundle is kept; either may be empty.
	Asset string
	Where string
}

// Manifest is the list of a bundle's other files.
type Manifest struct {
	Schema  string        `json:"schema"`
	Run     string        `json:"run"`
	Verdict judge.Verdict `json:"verdict"`
	Tool    result.Tool   `json:"tool"`
	Files   []Entry       `json:"files"`
}

// Entry is a file as a manifest lists it.
type Entry struct {
	Name   string `json:"name"`
	Size   int    `json:"size"`
	SHA256 string `json:"sha256"`
}

// Make makes the bundle of a result. The same result and options make the same bytes.
func Make(r result.Result, o Options) (Bundle, error) {
	to, err := rule.Find(orDefault(o.Rule))
	if err != nil {
		return Bundle{}, err
	}
	result, err := encoded(r)
	if err != nil {
		return Bundle{}, fmt.Errorf("the result of run %s: %w", r.RunID, err)
	}
	b := Bundle{Files: []File{{ResultFile, result}}}
	s := source{r, to, assessment.Context{Asset: o.Asset, Where: o.Where, Sum: sum(result)}}
	for _, f := range forms(r) {
		content, err := f.render(s)
		if err != nil {
			return Bundle{}, fmt.Errorf("%s of run %s: %w", f.name, r.RunID, err)
		}
		b.Files = append(b.Files, File{f.name, content})
	}
	manifest, err := encoded(Manifest{Schema: Schema, Run: r.RunID, Verdict: r.Verdict, Tool: r.Tool, Files: b.entries()})
	if err != nil {
		return Bundle{}, fmt.Errorf("the manifest of run %s: %w", r.RunID, err)
	}
	b.Files = append(b.Files, File{ManifestFile, manifest})
	b.sort()
	return b, nil
}

func orDefault(group string) string {
	if group == "" {
		return rule.Default
	}
	return group
}

// checkNames refuses what would leave the folder, or hide another file.
func (b Bundle) checkNames() error {
	var problems []error
	known := map[string]bool{}
	for _, f := range b.Files {
		switch {
		case !fs.ValidPath(f.Name) || f.Name == ".":
			problems = append(problems, fmt.Errorf("%q is not the name of a file in a folder", f.Name))
		case known[f.Name]:
			problems = append(problems, fmt.Errorf("%s is there twice", f.Name))
		}
		known[f.Name] = true
	}
	return errors.Join(problems...)
}

func (b Bundle) sort() {
	slices.SortFunc(b.Files, func(x, y File) int { return strings.Compare(x.Name, y.Name) })
}

// entries are what a manifest says of all files but itself.
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

// File is the content of a file.
func (b Bundle) File(name string) ([]byte, error) {
	for _, f := range b.Files {
		if f.Name == name {
			return f.Content, nil
		}
	}
	return nil, fmt.Errorf("%s is not in the bundle: %w", name, fs.ErrNotExist)
}

// Result is the result that the bundle is the evidence of.
func (b Bundle) Result() (result.Result, error) {
	var r result.Result
	if err := b.decode(ResultFile, &r); err != nil {
		return result.Result{}, err
	}
	if r.Schema != result.Schema {
		return result.Result{}, fmt.Errorf("%s is of schema %q: want %q", ResultFile, r.Schema, result.Schema)
	}
	return r, nil
}

// Manifest is the list that the bundle carries.
func (b Bundle) Manifest() (Manifest, error) {
	var m Manifest
	if err := b.decode(ManifestFile, &m); err != nil {
		return Manifest{}, err
	}
	if m.Schema != Schema {
		return Manifest{}, fmt.Errorf("%s is of schema %q: want %q", ManifestFile, m.Schema, Schema)
	}
	return m, nil
}

func (b Bundle) decode(name string, into any) error {
	content, err := b.File(name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(content, into); err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	return nil
}

// Verify holds the files to the manifest. The error names every file that differs,
// is missing, or is not listed.
func (b Bundle) Verify() error {
	m, err := b.Manifest()
	if err != nil {
		return err
	}
	there := map[string]Entry{}
	for _, e := range b.entries() {
		there[e.Name] = e
	}
	var problems []error
	for _, want := range m.Files {
		got, found := there[want.Name]
		delete(there, want.Name)
		switch {
		case !found:
			problems = append(problems, fmt.Errorf("%s is missing", want.Name))
		case got.Size != want.Size:
			problems = append(problems, fmt.Errorf("%s differs: it has %d bytes, not %d", want.Name, got.Size, want.Size))
		case got.SHA256 != want.SHA256:
			problems = append(problems, fmt.Errorf("%s differs: its SHA-256 is %s, not %s", want.Name, got.SHA256, want.SHA256))
		}
	}
	for _, e := range b.entries() {
		if _, extra := there[e.Name]; extra {
			problems = append(problems, fmt.Errorf("%s is not in the manifest", e.Name))
		}
	}
	return errors.Join(problems...)
}

func encoded(value any) ([]byte, error) {
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
