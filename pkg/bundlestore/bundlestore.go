// Package bundlestore keeps bundles in the cluster, in ConfigMaps, and gets them back.
//
// A bundle that is kept belongs to nobody: no owner takes it along. A Job goes when
// Litmus cleans up, and an engine when its workflow has ended, which is just when
// somebody comes to look. It stays until a person deletes it. It cannot be changed
// until then either: its ConfigMaps are immutable.
//
// It knows neither what is in a bundle nor how a run works.
package bundlestore

import (
	"context"
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

	"github.com/volume-durability/volume-durability/pkg/bundle"
)

const (
	// Label is on every ConfigMap of every bundle; its value is the part's number.
	Label = "volume-durability/bundle"
	// partsAnnotation says on the first part how many there are.
	partsAnnotation = "volume-durability/bundle-parts"
	// packedKey is the key of the packed bundle, or of a part of it.
	packedKey = "bundle.tar.gz"

	// partSize leaves room for the manifest, a few lines for each file, beside a part:
	// the API server takes 1 MiB of data in one ConfigMap.
	partSize = 900 << 10
	// maxParts bounds what one bundle may take of etcd, which holds 2 GiB by default.
	maxParts = 16
)

// Store is where bundles are kept.
type Store struct {
	Client    kubernetes.Interface
	Namespace string
	// Labels go on every ConfigMap, beside Label.
	Labels map[string]string
}

// Name is that under which a run's bundle is kept. Engine may be empty.
func Name(engine, run string) string {
	const longest = 253 - len("-bundle-") - len("-99")
	prefix := engine
	if prefix == "" {
		prefix = "volume-durability"
	}
	prefix = strings.TrimRight(prefix[:min(len(prefix), max(0, longest-len(run)))], "-.")
	return prefix + "-bundle-" + run
}

// Keep keeps a bundle under a name. One that is too large is an error that names its
// largest files.
func (a Store) Save(ctx context.Context, name string, b bundle.Bundle) error {
	return a.save(ctx, name, b, partSize)
}

func (a Store) save(ctx context.Context, name string, b bundle.Bundle, partSize int) error {
	packed, err := b.Pack()
	if err != nil {
		return fmt.Errorf("keeping the evidence in ConfigMap %s/%s: %w", a.Namespace, name, err)
	}
	parts := slices.Collect(slices.Chunk(packed, partSize))
	if len(parts) > maxParts {
		return fmt.Errorf("keeping the evidence in ConfigMap %s/%s: packed it has %d bytes, which is more than %d ConfigMaps hold (the largest files: %s): have fewer cells in one run",
			a.Namespace, name, len(packed), maxParts, largest(b))
	}
	// The first comes last: who sees it can have them all.
	for i := len(parts) - 1; i >= 0; i-- {
		configMap := a.part(name, i+1, parts[i])
		if i == 0 {
			describe(configMap, len(parts), b)
		}
		if err := a.create(ctx, configMap); err != nil {
			return fmt.Errorf("keeping the evidence in ConfigMap %s/%s: %w", a.Namespace, configMap.Name, err)
		}
	}
	return nil
}

func (a Store) part(name string, number int, content []byte) *corev1.ConfigMap {
	labels := map[string]string{}
	maps.Copy(labels, a.Labels)
	labels[Label] = strconv.Itoa(number)
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: partName(name, number), Namespace: a.Namespace, Labels: labels},
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

// describe puts on the first part what a person wants to see without unpacking.
func describe(first *corev1.ConfigMap, parts int, b bundle.Bundle) {
	first.Annotations = map[string]string{partsAnnotation: strconv.Itoa(parts)}
	if manifest, err := b.File(bundle.ManifestFile); err == nil {
		first.Data = map[string]string{bundle.ManifestFile: string(manifest)}
	}
}

// create creates a ConfigMap, and reads it back. The same one is there already after a
// request whose answer was lost.
func (a Store) create(ctx context.Context, configMap *corev1.ConfigMap) error {
	client := a.Client.CoreV1().ConfigMaps(a.Namespace)
	_, err := client.Create(ctx, configMap, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	there, getErr := client.Get(ctx, configMap.Name, metav1.GetOptions{})
	switch {
	case getErr != nil:
		return errors.Join(err, getErr)
	case slices.Equal(there.BinaryData[packedKey], configMap.BinaryData[packedKey]):
		return nil
	case err != nil:
		return err
	default:
		return errors.New("what is there is not what was written")
	}
}

// Fetch gets the bundle of a name back, and verifies it.
func (a Store) Load(ctx context.Context, name string) (bundle.Bundle, error) {
	first, err := a.get(ctx, name)
	if err != nil {
		return bundle.Bundle{}, err
	}
	parts, err := strconv.Atoi(first.Annotations[partsAnnotation])
	if err != nil || parts < 1 || parts > maxParts {
		return bundle.Bundle{}, fmt.Errorf("ConfigMap %s/%s is not the beginning of a bundle: its annotation %s is %q", a.Namespace, name, partsAnnotation, first.Annotations[partsAnnotation])
	}
	packed := slices.Clone(first.BinaryData[packedKey])
	for number := 2; number <= parts; number++ {
		part, err := a.get(ctx, partName(name, number))
		if err != nil {
			return bundle.Bundle{}, fmt.Errorf("part %d of %d: %w", number, parts, err)
		}
		packed = append(packed, part.BinaryData[packedKey]...)
	}
	b, err := bundle.Unpack(packed)
	if err != nil {
		return bundle.Bundle{}, fmt.Errorf("ConfigMap %s/%s: %w", a.Namespace, name, err)
	}
	if err := b.Verify(); err != nil {
		return bundle.Bundle{}, fmt.Errorf("the bundle in ConfigMap %s/%s is not as its manifest says: %w", a.Namespace, name, err)
	}
	return b, nil
}

func (a Store) get(ctx context.Context, name string) (*corev1.ConfigMap, error) {
	configMap, err := a.Client.CoreV1().ConfigMaps(a.Namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("getting the evidence from ConfigMap %s/%s: %w", a.Namespace, name, err)
	}
	return configMap, nil
}

// Kept are the names and labels of the bundles in the namespace, by age, the newest first.
func (a Store) List(ctx context.Context) ([]metav1.ObjectMeta, error) {
	list, err := a.Client.CoreV1().ConfigMaps(a.Namespace).List(ctx, metav1.ListOptions{LabelSelector: Label + "=1"})
	if err != nil {
		return nil, fmt.Errorf("listing the evidence in namespace %s: %w", a.Namespace, err)
	}
	slices.SortStableFunc(list.Items, func(x, y corev1.ConfigMap) int { return y.CreationTimestamp.Compare(x.CreationTimestamp.Time) })
	var all []metav1.ObjectMeta
	for _, c := range list.Items {
		all = append(all, c.ObjectMeta)
	}
	return all, nil
}

// largest names the files that take the most.
func largest(b bundle.Bundle) string {
	const named = 5
	files := slices.Clone(b.Files)
	slices.SortStableFunc(files, func(x, y bundle.File) int { return len(y.Content) - len(x.Content) })
	var said []string
	for _, f := range files[:min(len(files), named)] {
		said = append(said, fmt.Sprintf("%s (%d bytes)", f.Name, len(f.Content)))
	}
	return strings.Join(said, ", ")
}
