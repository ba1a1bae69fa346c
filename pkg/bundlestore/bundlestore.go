// Package bundlestore stores evidence bundles in the cluster, in ConfigMaps, and loads them again.
//
// The ConfigMaps have no owner. Litmus deletes the Job, and an Argo workflow deletes the ChaosEngine. Users often look
// for the bundle after that. It stays until a user deletes it. The ConfigMaps are immutable.
//
// The package does not depend on the content of a bundle or on how a run works.
package bundlestore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"

	"github.com/volume-durability/volume-durability/pkg/advice"
	"github.com/volume-durability/volume-durability/pkg/bundle"
)

const (
	// Label is set on every ConfigMap of a bundle. Its value is the number of the part, from 1.
	Label = "volume-durability/bundle"
	// partsAnnotation is set on the first part. Its value is the number of parts.
	partsAnnotation = "volume-durability/bundle-parts"
	// packedKey is the key of the packed bundle, or of one part of it.
	packedKey = "bundle.tar.gz"

	// partSize is the size of a part in bytes. The API server accepts 1 MiB of data in a ConfigMap; the rest is for the
	// manifest, which has a few lines per file.
	partSize = 900 << 10
	// maxParts limits the space that one bundle takes in etcd, which is limited to 2 GiB by default.
	maxParts = 16
)

// Store stores bundles in one namespace.
type Store struct {
	Client    kubernetes.Interface
	Namespace string
	// Labels are set on every ConfigMap, in addition to Label.
	Labels map[string]string
}

// Name returns the name of the ConfigMap for a run's bundle. Engine is empty for a run without a ChaosEngine.
func Name(engine, run string) string {
	const longest = 253 - len("-bundle-") - len("-99")
	prefix := engine
	if prefix == "" {
		prefix = "volume-durability"
	}
	prefix = strings.TrimRight(prefix[:min(len(prefix), max(0, longest-len(run)))], "-.")
	return prefix + "-bundle-" + run
}

// Check returns an error if the API server would reject a bundle with a name, for example because of a missing
// permission, a quota or another ConfigMap of that name. It changes nothing: it is a server-side dry run.
func (s Store) Check(ctx context.Context, name string) error {
	client := s.Client.CoreV1().ConfigMaps(s.Namespace)
	_, err := client.Create(ctx, s.part(name, 1, nil), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if err == nil {
		// Save reads the bundle back.
		_, err = client.Get(ctx, name, metav1.GetOptions{})
	}
	if err != nil && !apierrors.IsNotFound(err) || s.isNamespaceMissing(err) {
		return fmt.Errorf("ConfigMap %s/%s could not be created: %w", s.Namespace, name, err)
	}
	return nil
}

// isNamespaceMissing reports whether an error says that there is no such namespace.
func (s Store) isNamespaceMissing(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status) && status.Status().Details != nil && status.Status().Details.Kind == "namespaces"
}

// Save stores a bundle under a name. It is no error if the same bundle is stored already. If the bundle is too large,
// the error names its largest files.
func (s Store) Save(ctx context.Context, name string, b bundle.Bundle) error {
	return s.save(ctx, name, b, partSize)
}

func (s Store) save(ctx context.Context, name string, b bundle.Bundle, partSize int) error {
	packed, err := b.Pack()
	if err != nil {
		return fmt.Errorf("saving the bundle in ConfigMap %s/%s: %w", s.Namespace, name, err)
	}
	parts := slices.Collect(slices.Chunk(packed, partSize))
	if len(parts) > maxParts {
		return fmt.Errorf("saving the bundle in ConfigMap %s/%s: its packed size is %d bytes, which does not fit into "+
			"%d ConfigMaps (the largest files: %s)%s",
			s.Namespace, name, len(packed), maxParts, largestFiles(b), advice.Sentence("test fewer cells in one run"))
	}
	// The first part is created last: once it exists, the bundle is complete.
	for i := len(parts) - 1; i >= 0; i-- {
		configMap := s.part(name, i+1, parts[i])
		if i == 0 {
			describe(configMap, len(parts), b)
		}
		if err := s.create(ctx, configMap); err != nil {
			return fmt.Errorf("saving the bundle in ConfigMap %s/%s: %w", s.Namespace, configMap.Name, err)
		}
	}
	return nil
}

func (s Store) part(name string, number int, content []byte) *corev1.ConfigMap {
	labels := map[string]string{}
	maps.Copy(labels, s.Labels)
	labels[Label] = strconv.Itoa(number)
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: partName(name, number), Namespace: s.Namespace, Labels: labels},
		BinaryData: map[string][]byte{packedKey: content},
		Immutable:  ptr.To(true),
	}
}

func partName(name string, number int) string {
	if number == 1 {
		return name
	}
	return fmt.Sprintf("%s-%d", name, number)
}

// describe adds the number of parts and the manifest to the first part, so that users can read it without unpacking.
func describe(first *corev1.ConfigMap, parts int, b bundle.Bundle) {
	first.Annotations = map[string]string{partsAnnotation: strconv.Itoa(parts)}
	if manifest, err := b.File(bundle.ManifestFile); err == nil {
		first.Data = map[string]string{bundle.ManifestFile: string(manifest)}
	}
}

// create creates a ConfigMap and reads it back, because admission may have changed it. If an earlier request was
// executed but its answer was lost, the same ConfigMap exists already.
func (s Store) create(ctx context.Context, configMap *corev1.ConfigMap) error {
	client := s.Client.CoreV1().ConfigMaps(s.Namespace)
	_, err := client.Create(ctx, configMap, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	existing, getErr := client.Get(ctx, configMap.Name, metav1.GetOptions{})
	switch {
	case getErr != nil:
		return errors.Join(err, getErr)
	case slices.Equal(existing.BinaryData[packedKey], configMap.BinaryData[packedKey]):
		return nil
	case err != nil:
		return err
	default:
		return errors.New("its content is not what was written; an admission webhook may have changed it")
	}
}

// Load loads the bundle with a name and verifies it against its manifest.
func (s Store) Load(ctx context.Context, name string) (bundle.Bundle, error) {
	first, err := s.get(ctx, name)
	if err != nil {
		return bundle.Bundle{}, err
	}
	parts, err := strconv.Atoi(first.Annotations[partsAnnotation])
	if err != nil || parts < 1 || parts > maxParts {
		return bundle.Bundle{}, fmt.Errorf("ConfigMap %s/%s is not the first part of a bundle: its annotation %s is %q",
			s.Namespace, name, partsAnnotation, first.Annotations[partsAnnotation])
	}
	packed := slices.Clone(first.BinaryData[packedKey])
	for number := 2; number <= parts; number++ {
		part, err := s.get(ctx, partName(name, number))
		if err != nil {
			return bundle.Bundle{}, fmt.Errorf("part %d of %d: %w", number, parts, err)
		}
		packed = append(packed, part.BinaryData[packedKey]...)
	}
	b, err := bundle.Unpack(packed)
	if err != nil {
		return bundle.Bundle{}, fmt.Errorf("unpacking the bundle in ConfigMap %s/%s: %w", s.Namespace, name, err)
	}
	if err := b.Verify(); err != nil {
		return bundle.Bundle{}, fmt.Errorf("the bundle in ConfigMap %s/%s does not match its manifest: %w",
			s.Namespace, name, err)
	}
	return b, nil
}

func (s Store) get(ctx context.Context, name string) (*corev1.ConfigMap, error) {
	configMap, err := s.Client.CoreV1().ConfigMaps(s.Namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("getting ConfigMap %s/%s of the bundle: %w", s.Namespace, name, err)
	}
	return configMap, nil
}

// Entry describes a bundle in the cluster.
type Entry struct {
	metav1.ObjectMeta
	// Manifest is the bundle's manifest; zero if the first ConfigMap has no readable one.
	Manifest bundle.Manifest
}

// List returns the bundles in the namespace, or in all namespaces if it is empty. The
// newest is first.
func (s Store) List(ctx context.Context) ([]Entry, error) {
	list, err := s.Client.CoreV1().ConfigMaps(s.Namespace).List(ctx, metav1.ListOptions{LabelSelector: Label + "=1"})
	if err != nil {
		where := "namespace " + s.Namespace
		if s.Namespace == metav1.NamespaceAll {
			where = "all namespaces"
		}
		return nil, fmt.Errorf("listing the evidence bundles in %s: %w", where, err)
	}
	slices.SortStableFunc(list.Items, func(x, y corev1.ConfigMap) int {
		return y.CreationTimestamp.Compare(x.CreationTimestamp.Time)
	})
	var entries []Entry
	for _, c := range list.Items {
		entry := Entry{ObjectMeta: c.ObjectMeta}
		if json.Unmarshal([]byte(c.Data[bundle.ManifestFile]), &entry.Manifest) != nil {
			entry.Manifest = bundle.Manifest{}
		}
		entries = append(entries, entry)
	}
	return entries, nil
}

// largestFiles returns the names and sizes of the largest files.
func largestFiles(b bundle.Bundle) string {
	const count = 5
	files := slices.Clone(b.Files)
	slices.SortStableFunc(files, func(x, y bundle.File) int { return len(y.Content) - len(x.Content) })
	var largest []string
	for _, f := range files[:min(len(files), count)] {
		largest = append(largest, fmt.Sprintf("%s (%d bytes)", f.Name, len(f.Content)))
	}
	return strings.Join(largest, ", ")
}
