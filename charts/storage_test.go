package charts

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"sigs.k8s.io/yaml"
)

func TestStorageClasses_AreValidAndDocumented(t *testing.T) {
	files, err := filepath.Glob("storage/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	backends, err := os.ReadFile("../docs/backends.md")
	require.NoError(t, err)
	seen := map[string]string{}
	for _, file := range files {
		assert.Contains(t, string(backends), "`"+filepath.Base(file)+"`", "docs/backends.md must name the file")
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, document := range bytes.Split(content, []byte("\n---\n")) {
			var class storagev1.StorageClass
			require.NoError(t, yaml.UnmarshalStrict(document, &class), file)
			assert.Equal(t, "storage.k8s.io/v1", class.APIVersion, file)
			assert.Equal(t, "StorageClass", class.Kind, file)
			assert.True(t, strings.HasPrefix(class.Name, "durability-"), "%s could be the name of an existing class", class.Name)
			assert.Empty(t, seen[class.Name], "%s is in two files", class.Name)
			seen[class.Name] = file
			assert.NotEmpty(t, class.Provisioner, class.Name)
			require.NotNil(t, class.ReclaimPolicy, class.Name)
			assert.Equal(t, corev1.PersistentVolumeReclaimDelete, *class.ReclaimPolicy, "%s would keep the volume of every run", class.Name)
			require.NotNil(t, class.VolumeBindingMode, class.Name)
			assert.Contains(t, string(backends), "`"+class.Name+"`", "docs/backends.md must name the class")
		}
	}
}
