package bundlestore

import (
	"encoding/base64"
	"errors"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/volume-durability/volume-durability/pkg/bundle"
	"github.com/volume-durability/volume-durability/tests/samples"
)

func newStore() Store {
	return Store{
		Client:    fake.NewClientset(),
		Namespace: "stig",
		Labels:    map[string]string{"volume-durability/run": "r"},
	}
}

// newBundle returns a bundle with this many bytes that cannot be compressed.
func newBundle(t *testing.T, bytes int) bundle.Bundle {
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

// small is a size of parts with which a test needs no megabytes to fill several.
const small = 100_000

func TestPartSize_LeavesRoomForManifest(t *testing.T) {
	const limit = 1 << 20 // of the API server, for all data of a ConfigMap
	manifest, err := newBundle(t, 1000).File(bundle.ManifestFile)
	require.NoError(t, err)
	assert.Less(t, partSize+len(manifest), limit)
}

func configMaps(t *testing.T, s Store) []corev1.ConfigMap {
	t.Helper()
	list, err := s.Client.CoreV1().ConfigMaps(s.Namespace).List(t.Context(), metav1.ListOptions{LabelSelector: Label})
	require.NoError(t, err)
	return list.Items
}

func TestLoad_ReturnsSavedBundle(t *testing.T) {
	for name, c := range map[string]struct {
		bytes   int
		several bool
	}{"one part": {1000, false}, "several": {250_000, true}} {
		t.Run(name, func(t *testing.T) {
			s, b := newStore(), newBundle(t, c.bytes)
			require.NoError(t, s.save(t.Context(), "e", b, small))
			got, err := s.Load(t.Context(), "e")
			require.NoError(t, err)
			assert.True(t, reflect.DeepEqual(b, got))
			kept := configMaps(t, s)
			assert.Equal(t, c.several, len(kept) > 1)
			for _, m := range kept {
				assert.LessOrEqual(t, len(m.BinaryData[packedKey]), small)
				assert.Empty(t, m.OwnerReferences, "nothing else deletes the bundle")
				assert.True(t, *m.Immutable)
				assert.Equal(t, "r", m.Labels["volume-durability/run"])
			}
			found, err := s.List(t.Context())
			require.NoError(t, err)
			require.Len(t, found, 1)
			assert.Equal(t, "e", found[0].Name)
			assert.Equal(t, "r", found[0].Labels["volume-durability/run"])
		})
	}
}

func TestSave_AcceptsSameBundleAgain(t *testing.T) {
	s := newStore()
	require.NoError(t, s.save(t.Context(), "e", newBundle(t, 250_000), small))
	require.NoError(t, s.save(t.Context(), "e", newBundle(t, 250_000), small))
	assert.ErrorContains(t, s.Save(t.Context(), "e", newBundle(t, 10)),
		`ConfigMap stig/e: configmaps "e" already exists`)
}

// An admission webhook may change any object.
func TestSave_DetectsChangedContent(t *testing.T) {
	client := fake.NewClientset()
	client.PrependReactor("create", "configmaps", func(action clienttesting.Action) (bool, runtime.Object, error) {
		action.(clienttesting.CreateAction).GetObject().(*corev1.ConfigMap).BinaryData = nil
		return false, nil, nil
	})
	s := newStore()
	s.Client = client
	assert.ErrorContains(t, s.Save(t.Context(), "e", newBundle(t, 10)),
		"ConfigMap stig/e: its content is not what was written")
}

func TestSave_RejectsTooLargeBundle(t *testing.T) {
	s := newStore()
	err := s.save(t.Context(), "e", newBundle(t, 2_000_000), small)
	assert.ErrorContains(t, err, "the largest files: events.json (26")
	assert.Empty(t, configMaps(t, s), "nothing was created")
}

func TestLoad_DetectsMissingPart(t *testing.T) {
	s := newStore()
	require.NoError(t, s.save(t.Context(), "e", newBundle(t, 250_000), small))
	require.NoError(t, s.Client.CoreV1().ConfigMaps("stig").Delete(t.Context(), "e-2", metav1.DeleteOptions{}))
	_, err := s.Load(t.Context(), "e")
	assert.ErrorContains(t, err, ": getting ConfigMap stig/e-2 of the bundle")
	_, err = s.Load(t.Context(), "e-3")
	assert.ErrorContains(t, err, "ConfigMap stig/e-3 is not the first part of a bundle")
}

func TestLoad_VerifiesManifest(t *testing.T) {
	s, b := newStore(), newBundle(t, 10)
	for i := range b.Files {
		if b.Files[i].Name == "junit.xml" {
			b.Files[i].Content = []byte("<testsuites/>")
		}
	}
	require.NoError(t, s.Save(t.Context(), "e", b))
	_, err := s.Load(t.Context(), "e")
	assert.ErrorContains(t, err, "the bundle in ConfigMap stig/e does not match its manifest: junit.xml differs")
}

func TestName_IsValidInKubernetes(t *testing.T) {
	assert.Equal(t, "engine-bundle-8f3a", Name("engine", "8f3a"))
	assert.Equal(t, "volume-durability-bundle-8f3a", Name("", "8f3a"))
	for _, engine := range []string{strings.Repeat("e", 253), strings.Repeat("e.", 126)} {
		name := partName(Name(engine, "8f3a5c7e9b1d2f40"), maxParts)
		assert.Empty(t, validation.IsDNS1123Subdomain(name), name)
	}
}

func TestCheck_ReportsWhatSaveWouldReport(t *testing.T) {
	maps, namespaces := corev1.Resource("configmaps"), corev1.Resource("namespaces")
	for name, c := range map[string]struct {
		verb string
		err  error
		want string
	}{
		"accepted":            {"", nil, ""},
		"no permission":       {"create", apierrors.NewForbidden(maps, "e", errors.New("no access")), "no access"},
		"a name that is used": {"create", apierrors.NewAlreadyExists(maps, "e"), "already exists"},
		"no namespace":        {"create", apierrors.NewNotFound(namespaces, "stig"), `"stig" not found`},
		"no reading back":     {"get", apierrors.NewForbidden(maps, "e", errors.New("no access")), "no access"},
		"not there yet":       {"get", apierrors.NewNotFound(maps, "e"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			client := fake.NewClientset()
			client.PrependReactor("create", "configmaps", func(a clienttesting.Action) (bool, runtime.Object, error) {
				assert.Equal(t, []string{metav1.DryRunAll}, a.(clienttesting.CreateActionImpl).CreateOptions.DryRun)
				return c.verb != "get", nil, c.err
			})
			client.PrependReactor("get", "configmaps", func(clienttesting.Action) (bool, runtime.Object, error) {
				return c.verb == "get", nil, c.err
			})
			err := Store{Client: client, Namespace: "stig"}.Check(t.Context(), "e")
			if c.want == "" {
				assert.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, "ConfigMap stig/e could not be created")
			assert.ErrorContains(t, err, c.want)
		})
	}
}

func TestList_ErrorNamesWhereItLooked(t *testing.T) {
	for namespace, want := range map[string]string{
		"stig": "in namespace stig: no role", "": "in all namespaces: no role",
	} {
		client := fake.NewClientset()
		client.PrependReactor("list", "configmaps", func(clienttesting.Action) (bool, runtime.Object, error) {
			return true, nil, errors.New("no role")
		})
		_, err := Store{Client: client, Namespace: namespace}.List(t.Context())
		assert.ErrorContains(t, err, "listing the evidence bundles "+want)
	}
}
