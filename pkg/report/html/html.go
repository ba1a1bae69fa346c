// Package html is results as one HTML file for people: an assessor who prints it,
// an SRE who reads it on a phone. It asks no network for anything, runs no script,
// and says nothing that is not in the results.
//
// It knows neither the cluster nor how a verdict comes about.
package html

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the page's template and style
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"

	"github.com/volume-durability/volume-durability/pkg/result"
)

//go:embed page.html
var layout string

//go:embed style.css
var style string

// Render writes the page of a result.
func Render(r result.Result) ([]byte, error) { return RenderAll(r) }

// RenderAll writes one page of several results: what came of each run at the top,
// then each run as its own page would have it. There is no verdict on them together.
func RenderAll(results ...result.Result) ([]byte, error) {
	if len(results) == 0 {
		return nil, errors.New("writing a page: there is no result to show")
	}
	parsed, err := template.New("page").Funcs(template.FuncMap{"hexOf": hexView, "under": under}).Parse(layout)
	if err != nil {
		return nil, fmt.Errorf("reading the page's template: %w", err)
	}
	var out bytes.Buffer
	if err := parsed.Execute(&out, pageOf(results)); err != nil {
		return nil, fmt.Errorf("writing the page of run %s: %w", listed(runsOf(results)), err)
	}
	return out.Bytes(), nil
}

// policy lets a browser take the page's own style and nothing else, wherever the
// page is shown.
func policy() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'"
}
