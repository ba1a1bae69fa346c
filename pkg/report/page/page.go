// Package page is a result as one HTML file for people: an assessor who prints it,
// an SRE who reads it on a phone. It asks no network for anything, runs no script,
// and says nothing that is not in the result.
//
// It knows neither the cluster nor how a verdict comes about.
package page

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the page's template and style
	"encoding/base64"
	"fmt"
	"html/template"

	"github.com/volume-durability/volume-durability/pkg/evidence"
)

//go:embed page.html
var layout string

//go:embed style.css
var style string

// Render writes the page of a result.
func Render(r evidence.Result) ([]byte, error) {
	parsed, err := template.New("page").Funcs(template.FuncMap{"hexOf": hexView}).Parse(layout)
	if err != nil {
		return nil, fmt.Errorf("reading the page's template: %w", err)
	}
	var out bytes.Buffer
	if err := parsed.Execute(&out, viewOf(r)); err != nil {
		return nil, fmt.Errorf("writing the page of run %s: %w", r.Run, err)
	}
	return out.Bytes(), nil
}

// policy lets a browser take the page's own style and nothing else, wherever the
// page is shown.
func policy() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'"
}
