package registry

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/tests/cluster/image"
)

const ref = "volume-durability.test/app:test"

// serve serves an image and returns the URL of the registry.
func serve(t *testing.T, login Login) string {
	t.Helper()
	img, err := image.FromDockerfile("FROM busybox\nUSER 1\n", "", "/proc/self/exe", nil)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "app.tar")
	require.NoError(t, image.Write(file, ref, img))
	handler, err := Handler(file, ref, login)
	require.NoError(t, err)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// get returns the status and the body of an answer.
func get(t *testing.T, url, user, password string) (int, []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	if user != "" {
		request.SetBasicAuth(user, password)
	}
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	return answer.StatusCode, body
}

func TestHandler_DemandsTheLogin(t *testing.T) {
	url := serve(t, Login{"user", "password"})
	for _, login := range [][2]string{{"", ""}, {"user", "wrong"}, {"other", "password"}} {
		code, _ := get(t, url+"/v2/", login[0], login[1])
		assert.Equal(t, http.StatusUnauthorized, code, login)
	}
	code, _ := get(t, url+"/v2/", "user", "password")
	assert.Equal(t, http.StatusOK, code)
}

func TestHandler_ServesAllPartsOfTheImage(t *testing.T) {
	url := serve(t, Login{"user", "password"}) + "/v2/app/"
	code, manifest := get(t, url+"manifests/test", "user", "password")
	require.Equal(t, http.StatusOK, code)
	parsed, err := v1.ParseManifest(bytes.NewReader(manifest))
	require.NoError(t, err)
	require.NotEmpty(t, parsed.Layers)
	for _, part := range append(parsed.Layers, parsed.Config) {
		code, content := get(t, url+"blobs/"+part.Digest.String(), "user", "password")
		assert.Equal(t, http.StatusOK, code)
		assert.Len(t, content, int(part.Size))
	}
}
