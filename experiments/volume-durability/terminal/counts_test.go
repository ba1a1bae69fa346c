package terminal

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	nethtml "golang.org/x/net/html"

	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/report/html"
	"github.com/volume-durability/volume-durability/pkg/report/junit"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/tests/samples"
)

const (
	adjectives = `(?:(?:acknowledged|intact|more|other|damaged|slowest) )*`
	nouns      = `(?:record|byte|deletion|kill|finding|commit|cell|volume|writer|epoch|time|run|part|event|pod|note)`
)

// disagreements match a count that does not agree with its noun or its verb.
var disagreements = []*regexp.Regexp{
	regexp.MustCompile(`(?:^|\D |\()1 ` + adjectives + nouns + `s\b`),
	regexp.MustCompile(`\d*(?:[02-9]|\d1) ` + adjectives + nouns + `\b`),
	regexp.MustCompile(`(?:^|\W)1 ` + adjectives + nouns + `s? were\b`),
	regexp.MustCompile(`(?:^|\W)1 of [\d ]+ ` + adjectives + nouns + `s? were\b`),
	regexp.MustCompile(`(?i)\ball 1 [a-z]`),
}

// surfaces returns the texts of a result.
func surfaces(t *testing.T, r result.Result) map[string]string {
	page, err := html.Render(r)
	require.NoError(t, err)
	tree, err := nethtml.Parse(bytes.NewReader(page))
	require.NoError(t, err)
	var text strings.Builder
	for n := range tree.Descendants() {
		if n.Type == nethtml.TextNode && n.Parent.Data != "style" {
			text.WriteString(n.Data + "\n")
		}
		for _, a := range n.Attr {
			if a.Key == "aria-label" {
				text.WriteString(a.Val + "\n")
			}
		}
	}
	document, err := junit.Render(r)
	require.NoError(t, err)
	all := map[string]string{
		"summary": plain.summary(r), "page": strings.ReplaceAll(text.String(), "\u00a0", " "), "JUnit": string(document),
	}
	for _, c := range r.Cells {
		all["sentence of cell "+c.DisplayName()] = c.VerificationSentence()
	}
	return all
}

func TestCounts_AgreeWithTheirNouns(t *testing.T) {
	all := append(samples.Singles(), samples.All()...)
	all = append(all, samples.Sample{Name: "local", Result: samples.Local()})
	for _, s := range samples.Singles() {
		for i := range s.Result.Cells {
			s.Result.Cells[i].Spec.VolumeSource = options.Local
		}
		s.Result.Options.VolumeSource = options.Local
		all = append(all, samples.Sample{Name: s.Name + ", local", Result: s.Result})
	}
	for _, s := range all {
		for surface, text := range surfaces(t, s.Result) {
			for _, line := range strings.Split(text, "\n") {
				for _, wrong := range disagreements {
					assert.NotRegexp(t, wrong, line, "%s, %s", s.Name, surface)
				}
			}
		}
	}
}
