// Package html renders results as one self-contained HTML file, for a screen of any size and for print. The page loads
// nothing, runs no script, and shows only what is in the results.
//
// The package does not depend on the cluster or on how verdicts are determined.
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

// Render returns the page of one result.
func Render(r result.Result) ([]byte, error) { return RenderAll(r) }

// RenderAll returns one page of several results: a table of the runs, then each run as on its own page. The runs have
// no common verdict.
func RenderAll(results ...result.Result) ([]byte, error) {
	if len(results) == 0 {
		return nil, errors.New("rendering a page: no result to show")
	}
	functions := template.FuncMap{"hexBlock": newHexBlock, "below": below, "name": name, "prose": prose}
	parsed, err := template.New("page").Funcs(functions).Parse(layout)
	if err != nil {
		return nil, fmt.Errorf("parsing the page's template: %w", err)
	}
	var out bytes.Buffer
	if err := parsed.Execute(&out, newPageView(results)); err != nil {
		return nil, fmt.Errorf("rendering the page of run %s: %w", joined(runIDs(results)), err)
	}
	return out.Bytes(), nil
}

// contentSecurityPolicy allows the page's own style and nothing else.
func contentSecurityPolicy() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'"
}
