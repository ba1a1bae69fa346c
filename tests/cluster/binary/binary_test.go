package binary

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const root = ".."

func TestNewest_IsTheVersionThatGoModRequires(t *testing.T) {
	version, err := requiredVersion(filepath.Join(root, "programs", "go.mod"), "k8s.io/kubernetes")
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(version, "v"+Newest+"."), version)
}

func TestKubernetes_OfAnOlderVersionHasAGoModOfItsOwn(t *testing.T) {
	older, err := filepath.Glob(filepath.Join(root, "programs", "versions", "*.mod"))
	require.NoError(t, err)
	require.NotEmpty(t, older)
	for _, file := range older {
		minor := strings.TrimSuffix(filepath.Base(file), ".mod")
		s, err := Kubernetes(root, minor)
		require.NoError(t, err)
		assert.Contains(t, s.LDFlags, "=v"+minor+".")
		assert.NotEmpty(t, s.ModFile)
	}
	_, err = Kubernetes(root, "1.2")
	assert.ErrorContains(t, err, "1.2")
}

func TestGroups_AreBuiltTogetherWhereTheyMay(t *testing.T) {
	newest, err := Kubernetes(root, Newest)
	require.NoError(t, err)
	all := append([]Source{newest}, Sources(root)...)
	var sizes []int
	for _, group := range groups(append(all, Runtime(root)...)) {
		sizes = append(sizes, len(group))
	}
	assert.Equal(t, []int{len(all) + 1, 1, 1}, sizes, "all, but the one that stands alone and the one with cgo")
}

func TestPatch_ChangesOneLineOfACopy(t *testing.T) {
	dir := t.TempDir()
	to := filepath.Join(dir, "copy")
	require.NoError(t, operatorPatch.apply(t.Context(), filepath.Join(root, "programs"), to))
	content, err := os.ReadFile(filepath.Join(to, operatorPatch.file))
	require.NoError(t, err)
	assert.Contains(t, string(content), operatorPatch.after)
	other := operatorPatch
	other.before = "is not there"
	assert.ErrorContains(t, other.apply(t.Context(), filepath.Join(root, "programs"), filepath.Join(dir, "other")), "another version")
}
