package bundlestore

import (
	"encoding/base64"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/volume-durability/volume-durability/pkg/bundle"
	"github.com/volume-durability/volume-durability/tests/samples"
)

func archive() Store {
	return Store{Client: fake.NewClientset(), Namespace: "stig", Labels: map[string]string{"volume-durability/run": "r"}}
}

// made is a bundle with so many bytes in it that do not pack.
func made(t *testing.T, bytes int) bundle.Bundle {
	t.Helper()
	noise := make([]byte, bytes)
	random := rand.NewChaCha8([32]byte{1})
	_, err := random.Read(noise)
	require.NoError(t, err)
	r := samples.Matrix()
	r.Snapshot.Events = []corev1.Event{{Message: base64.StdEncoding.EncodeToString(noise)}}
	b, err := bundle.Make(r, bundle.Options{})
	require.NoError(t, err)
	return b
}

// small is a part of which a test needs no megabytes for several.
const small = 100_000

func TestAPartAndTheManifestFitIntoOneConfigMap(t *testing.T) {
	const limit = 1 << 20 // of the API server, for all data of one
	manifest, err := made(t, 1000).File(bundle.ManifestFile)
	require.NoError(t, err)
	assert.Less(t, partSize+len(manifest), limit)
}

func configMaps(t *testing.T, a Store) []corev1.ConfigMap {
	t.Helper()
	list, err := a.Client.CoreV1().ConfigMaps(a.Namespace).List(t.Context(), metav1.ListOptions{LabelSelector: Label})
	require.NoError(t, err)
	return list.Items
}

func TestABundleComesBackAsItWas(t *testing.T) {
	for name, c := range map[string]struct {
		bytes   int
		several bool
	}{"one part": {1000, false}, "several": {250_000, true}} {
		t.Run(name, func(t *testing.T) {
			a, b := archive(), made(t, c.bytes)
			require.NoError(t, a.save(t.Context(), "e", b, small))
			got, err := a.Load(t.Context(), "e")
			require.NoError(t, err)
			assert.True(t, reflect.DeepEqual(b, got))
			kept := configMaps(t, a)
			assert.Equal(t, c.several, len(kept) > 1)
			for _, m := range kept {
				assert.LessOrEqual(t, len(m.BinaryData[packedKey]), small)
				assert.Empty(t, m.OwnerReferences, "nothing takes the evidence along")
				assert.True(t, *m.Immutable)
				assert.Equal(t, "r", m.Labels["volume-durability/run"])
			}
			found, err := a.List(t.Context())
			require.NoError(t, err)
			require.Len(t, found, 1)
			assert.Equal(t, "e", found[0].Name)
			assert.Equal(t, "r", found[0].Labels["volume-durability/run"])
		})
	}
}

func TestKeepingTheSameAgainIsNoError(t *testing.T) {
	a := archive()
	require.NoError(t, a.save(t.Context(), "e", made(t, 250_000), small))
	require.NoError(t, a.save(t.Context(), "e", made(t, 250_000), small))
	assert.ErrorContains(t, a.Save(t.Context(), "e", made(t, 10)), `ConfigMap stig/e: configmaps "e" already exists`)
}

// Admission may change what is written, as it may any object.
func TestWhatIsNotKeptAsItWasIsAnError(t *testing.T) {
	client := fake.NewClientset()
	client.PrependReactor("create", "configmaps", func(action clienttesting.Action) (bool, runtime.Object, error) {
		action.(clienttesting.CreateAction).GetObject().(*corev1.ConfigMap).BinaryData = nil
		return false, nil, nil
	})
	a := archive()
	a.Client = client
	assert.ErrorContains(t, a.Save(t.Context(), "e", made(t, 10)), "ConfigMap stig/e: what is there is not what was written")
}

func TestWhatIsTooLargeIsRefusedWithTheLargestFiles(t *testing.T) {
	a := archive()
	err := a.save(t.Context(), "e", made(t, 2_000_000), small)
	assert.ErrorContains(t, err, "the largest files: events.json (26")
	assert.Empty(t, configMaps(t, a), "nothing is left of it")
}

func TestAPartThatIsGoneOrAnothersIsNoticed(t *testing.T) {
	a := archive()
	require.NoError(t, a.save(t.Context(), "e", made(t, 250_000), small))
	require.NoError(t, a.Client.CoreV1().ConfigMaps("stig").Delete(t.Context(), "e-2", metav1.DeleteOptions{}))
	_, err := a.Load(t.Context(), "e")
	assert.ErrorContains(t, err, ": getting the evidence from ConfigMap stig/e-2")
	_, err = a.Load(t.Context(), "e-3")
	assert.ErrorContains(t, err, "ConfigMap stig/e-3 is not the beginning of a bundle")
}

func TestABundleThatIsNotAsItsManifestSaysIsNotFetched(t *testing.T) {
	a, b := archive(), made(t, 10)
	for i := range b.Files {
		if b.Files[i].Name == "junit.xml" {
			b.Files[i].Content = []byte("<testsuites/>")
		}
	}
	require.NoError(t, a.Save(t.Context(), "e", b))
	_, err := a.Load(t.Context(), "e")
	assert.ErrorContains(t, err, "the bundle in ConfigMap stig/e is not as its manifest says: junit.xml differs")
}

func TestANameIsOneThatKubernetesTakes(t *testing.T) {
	assert.Equal(t, "engine-bundle-8f3a", Name("engine", "8f3a"))
	assert.Equal(t, "volume-durability-bundle-8f3a", Name("", "8f3a"))
	for _, engine := range []string{strings.Repeat("e", 253), strings.Repeat("e.", 126)} {
		name := partName(Name(engine, "8f3a5c7e9b1d2f40"), maxParts)
		assert.Empty(t, validation.IsDNS1123Subdomain(name), name)
	}
}
