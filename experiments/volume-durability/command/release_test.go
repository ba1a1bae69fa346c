package command

import (
	"bytes"
	"os"
	"path"
	"strings"
	"testing"
	"text/template"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// render executes a template of a release.
func render(t *testing.T, text string, functions template.FuncMap, values any) string {
	t.Helper()
	parsed, err := template.New("").Funcs(functions).Parse(text)
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, parsed.Execute(&out, values))
	return out.String()
}

// archiveNames returns the archives of the plugin that goreleaser creates.
func archiveNames(t *testing.T, tag string) map[string]bool {
	t.Helper()
	content, err := os.ReadFile("../../../.goreleaser.yaml")
	require.NoError(t, err)
	var config struct {
		Builds []struct {
			ID           string
			Goos, Goarch []string
			Main         string
		}
		Archives []struct {
			IDs          []string
			NameTemplate string `json:"name_template"`
			Formats      []string
		}
	}
	require.NoError(t, yaml.Unmarshal(content, &config))
	names := map[string]bool{}
	for _, b := range config.Builds {
		_, err := os.Stat("../../../" + b.Main)
		assert.NoError(t, err, "the main package exists")
		for _, a := range config.Archives {
			if b.ID != "kubectl-durability" || a.IDs[0] != b.ID {
				continue
			}
			for _, system := range b.Goos {
				for _, arch := range b.Goarch {
					values := map[string]string{"Tag": tag, "Os": system, "Arch": arch}
					names[render(t, a.NameTemplate, nil, values)+"."+a.Formats[0]] = true
				}
			}
		}
	}
	return names
}

// krew-release-bot executes .krew.yaml, which must name the archives of goreleaser.
func TestKrewManifest_NamesReleasedArchives(t *testing.T) {
	const tag = "v1.2.3"
	content, err := os.ReadFile("../../../.krew.yaml")
	require.NoError(t, err)
	manifest := render(t, string(content), template.FuncMap{
		"addURIAndSha": func(url, tag string) string {
			return "uri: " + render(t, url, nil, map[string]string{"TagName": tag}) + "\nsha256: 0"
		},
		"indent": func(spaces int, text string) string {
			return strings.ReplaceAll(text, "\n", "\n"+strings.Repeat(" ", spaces))
		},
	}, map[string]string{"TagName": tag})
	var plugin struct {
		Spec struct {
			Version   string
			Platforms []struct{ URI, SHA256, Bin string }
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(manifest), &plugin), manifest)
	assert.Equal(t, tag, plugin.Spec.Version)
	named := map[string]bool{}
	for _, p := range plugin.Spec.Platforms {
		named[path.Base(p.URI)] = true
		assert.NotEmpty(t, p.SHA256)
		assert.Equal(t, strings.Contains(p.URI, "_windows_"), strings.HasSuffix(p.Bin, ".exe"))
	}
	assert.Equal(t, archiveNames(t, tag), named)
}
