package command

import (
	"bytes"
	"os"
	"path"
	"slices"
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

// platforms are those of the nodes on which the pods of a run can run.
var platforms = []string{"linux/amd64", "linux/arm64"}

func TestImage_IsReleasedForEveryPlatform(t *testing.T) {
	content, err := os.ReadFile("../../../.goreleaser.yaml")
	require.NoError(t, err)
	type build struct {
		ID, Binary   string
		Goos, Goarch []string
	}
	var config struct {
		Builds []build
		Images []struct {
			IDs, Images, Tags, Platforms []string
			Dockerfile                   string
		} `json:"dockers_v2"`
	}
	require.NoError(t, yaml.Unmarshal(content, &config))
	require.Len(t, config.Images, 1)
	image := config.Images[0]
	assert.Equal(t, platforms, image.Platforms)
	assert.Equal(t, []string{repository}, image.Images)
	var tags []string
	for _, tag := range image.Tags {
		tags = append(tags, repository+":"+render(t, tag, nil, map[string]string{"Tag": "v1.2.3"}))
	}
	assert.Contains(t, tags, releasedImage("v1.2.3"), "the default of --lib-image")
	dockerfile, err := os.ReadFile("../../../" + image.Dockerfile)
	require.NoError(t, err)
	for _, id := range image.IDs {
		i := slices.IndexFunc(config.Builds, func(b build) bool { return b.ID == id })
		require.GreaterOrEqual(t, i, 0, id)
		b := config.Builds[i]
		for _, platform := range platforms {
			system, architecture, _ := strings.Cut(platform, "/")
			assert.Contains(t, b.Goos, system)
			assert.Contains(t, b.Goarch, architecture)
		}
		assert.Contains(t, string(dockerfile), "$TARGETPLATFORM/"+b.Binary+" ")
	}
}

// lastStage returns the instructions of the last stage of a Dockerfile, except those that name the binaries.
func lastStage(t *testing.T, file string) []string {
	t.Helper()
	content, err := os.ReadFile("../../../" + file)
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if strings.HasPrefix(lines[i], "FROM ") {
			lines = lines[i:]
			break
		}
	}
	return slices.DeleteFunc(lines, func(line string) bool {
		return strings.HasPrefix(line, "COPY ") || line == "ARG TARGETPLATFORM"
	})
}

func TestImage_OfAReleaseIsThatOfTheDockerfile(t *testing.T) {
	assert.Equal(t, lastStage(t, "Dockerfile"), lastStage(t, "Dockerfile.release"))
}

// Without these arguments, docker buildx would emulate the other architecture, or build for this one.
func TestImage_DockerfileCompilesForThePlatform(t *testing.T) {
	content, err := os.ReadFile("../../../Dockerfile")
	require.NoError(t, err)
	for _, want := range []string{
		"FROM --platform=$BUILDPLATFORM golang", "ARG TARGETOS\n", "ARG TARGETARCH\n",
		"GOOS=$TARGETOS GOARCH=$TARGETARCH make binaries",
	} {
		assert.Contains(t, string(content), want)
	}
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
