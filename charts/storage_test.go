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

// The examples are what the API has, need no other than their own names, and each is
// in the table of docs/backends.md.
func TestTheExamplesOfStorageClasses(t *testing.T) {
	files, err := filepath.Glob("storage/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	howTo, err := os.ReadFile("../docs/backends.md")
	require.NoError(t, err)
	seen := map[string]string{}
	for _, file := range files {
		assert.Contains(t, string(howTo), "`"+filepath.Base(file)+"`", "docs/backends.md does not name the file")
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, document := range bytes.Split(content, []byte("\n---\n")) {
			var class storagev1.StorageClass
			require.NoError(t, yaml.UnmarshalStrict(document, &class), file)
			assert.Equal(t, "storage.k8s.io/v1", class.APIVersion, file)
			assert.Equal(t, "StorageClass", class.Kind, file)
			assert.True(t, strings.HasPrefix(class.Name, "durability-"), "%s could be a class of somebody else's", class.Name)
			assert.Empty(t, seen[class.Name], "%s is in two files", class.Name)
			seen[class.Name] = file
			assert.NotEmpty(t, class.Provisioner, class.Name)
			require.NotNil(t, class.ReclaimPolicy, class.Name)
			assert.Equal(t, corev1.PersistentVolumeReclaimDelete, *class.ReclaimPolicy, "%s leaves a volume behind after every run", class.Name)
			require.NotNil(t, class.VolumeBindingMode, class.Name)
			assert.Contains(t, string(howTo), "`"+class.Name+"`", "docs/backends.md does not name the class")
		}
	}
}
