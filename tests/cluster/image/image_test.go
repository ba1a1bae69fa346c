package image

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const dockerfile = `# a comment
ARG BASE=1.37
ARG BASE_IMAGE=other
FROM golang:1.26 AS build
COPY . /src
RUN make \
    all

FROM busybox:$BASE
LABEL a.title="Two words" \
      a.licenses=Apache-2.0
COPY --from=build /out/one /out/two /usr/local/bin/
COPY --from=build /out/three /etc/four
ENV A=b
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/one"]
CMD ["help"]
`

func TestParseDockerfile_ReadsTheLastStage(t *testing.T) {
	r, err := ParseDockerfile(dockerfile)
	require.NoError(t, err)
	assert.Equal(t, Recipe{
		From:       "busybox:1.37",
		Copies:     []Copy{{[]string{"/out/one", "/out/two"}, "/usr/local/bin/"}, {[]string{"/out/three"}, "/etc/four"}},
		User:       "65532:65532",
		Entrypoint: []string{"/usr/local/bin/one"},
		Cmd:        []string{"help"},
		Env:        []string{"A=b"},
		Labels:     map[string]string{"a.title": "Two words", "a.licenses": "Apache-2.0"},
	}, r)
	assert.Equal(t, "/usr/local/bin/two", r.Copies[0].TargetOf("/out/two"))
	assert.Equal(t, "/etc/four", r.Copies[1].TargetOf("/out/three"))
}

func TestParseDockerfile_RejectsUnsupportedInstructions(t *testing.T) {
	for want, line := range map[string]string{
		"RUN in the last stage is not supported": "RUN true",
		"COPY wants --from":                      "COPY a b",
		"COPY --chown=1 is not supported":        "COPY --chown=1 --from=build a b",
		"wants a target that ends with /":        "COPY --from=build a b c",
		"ENTRYPOINT wants the form":              "ENTRYPOINT run me",
		"LABEL wants name=value":                 "LABEL nothing",
		"a quote is not closed":                  `LABEL a="b`,
	} {
		_, err := ParseDockerfile("FROM busybox\n" + line + "\n")
		assert.ErrorContains(t, err, want)
	}
	_, err := ParseDockerfile("USER 1\n")
	assert.Error(t, err)
}

func TestFromDockerfile_IsReproducible(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "out"), 0o755))
	for _, name := range []string{"one", "two", "three", "busybox"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "out", name), []byte(name), 0o755))
	}
	make := func() string {
		img, err := FromDockerfile(dockerfile, dir, filepath.Join(dir, "out", "busybox"), []string{"sh", "cat"})
		require.NoError(t, err)
		digest, err := img.Digest()
		require.NoError(t, err)
		return digest.String()
	}
	first := make()
	assert.Equal(t, first, make())
	require.NoError(t, os.WriteFile(filepath.Join(dir, "out", "one"), []byte("other"), 0o755))
	assert.NotEqual(t, first, make())
}

func TestFromDockerfile_RejectsABaseOtherThanBusybox(t *testing.T) {
	_, err := FromDockerfile("FROM alpine\n", "", "", nil)
	assert.ErrorContains(t, err, "FROM alpine")
}
