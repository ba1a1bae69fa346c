package kube

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"github.com/volume-durability/volume-durability/pkg/advice"
	"github.com/volume-durability/volume-durability/pkg/scheduling"
)

// ClaimSpec describes a PersistentVolumeClaim to create.
type ClaimSpec struct {
	Name string
	// StorageClass is empty for the cluster's default.
	StorageClass string
	Size         apiresource.Quantity
	AccessMode   corev1.PersistentVolumeAccessMode
	// VolumeMode is empty for a filesystem.
	VolumeMode corev1.PersistentVolumeMode
	// Template has the fields that the spec does not set; nil for none.
	Template *corev1.PersistentVolumeClaim
}

// ParseClaimTemplate parses the manifest of a PersistentVolumeClaim. Its name, class, access modes and volume mode are
// ignored, because each cell sets its own.
func ParseClaimTemplate(manifest []byte) (*corev1.PersistentVolumeClaim, error) {
	var claim corev1.PersistentVolumeClaim
	if err := yaml.UnmarshalStrict(manifest, &claim); err != nil {
		return nil, fmt.Errorf("parsing the claim template: %w", err)
	}
	if claim.Kind != "PersistentVolumeClaim" || claim.APIVersion != "v1" {
		return nil, fmt.Errorf("parsing the claim template: apiVersion %q, kind %q: want v1, PersistentVolumeClaim",
			claim.APIVersion, claim.Kind)
	}
	return &claim, nil
}

// NewClaim returns the claim that a spec describes. It creates nothing.
func (c Client) NewClaim(spec ClaimSpec) *corev1.PersistentVolumeClaim {
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: c.objectMeta(spec.Name)}
	if spec.Template != nil {
		claim.Annotations = spec.Template.Annotations
		claim.Labels = mergeMaps(spec.Template.Labels, c.Labels)
		spec.Template.Spec.DeepCopyInto(&claim.Spec)
	}
	claim.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{spec.AccessMode}
	if spec.VolumeMode != "" {
		claim.Spec.VolumeMode = &spec.VolumeMode
	}
	if spec.StorageClass != "" {
		claim.Spec.StorageClassName = &spec.StorageClass
	}
	if _, set := claim.Spec.Resources.Requests[corev1.ResourceStorage]; !set {
		claim.Spec.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: spec.Size}
	}
	return claim
}

// mergeMaps returns the entries of both maps. Those of the second take precedence.
func mergeMaps(first, second map[string]string) map[string]string {
	merged := map[string]string{}
	maps.Copy(merged, first)
	maps.Copy(merged, second)
	return merged
}

// CreateClaim creates a claim. It does not wait for the claim to be bound: with WaitForFirstConsumer it is bound only
// when a pod uses it.
func (c Client) CreateClaim(ctx context.Context, spec ClaimSpec) (*corev1.PersistentVolumeClaim, error) {
	claims := c.API.CoreV1().PersistentVolumeClaims(c.Namespace)
	created, err := create(ctx, c, "creating claim "+spec.Name, claims, c.NewClaim(spec))
	if err != nil {
		return nil, c.createError("claim", spec.Name, err)
	}
	c.Log.WithField("claim", created.Name).Info("Claim created")
	return created, nil
}

// bindingTimeout is how long AwaitBinding waits.
const bindingTimeout = 5 * time.Second

// AwaitBinding waits until a new claim is bound, or waits for a pod (WaitForFirstConsumer), or cannot be bound at
// present, but at most bindingTimeout. It returns an error only if the context has ended.
//
// A pod that is created earlier may start 10 to 15 seconds later. The scheduler assigns it to a node as soon as the
// claim names its volume. If the kubelet sees the claim before its phase is Bound, it waits until its next attempt
// (backOffPeriod in k8s.io/kubernetes/pkg/kubelet/kubelet.go, plus up to half of it).
func (c Client) AwaitBinding(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	return c.awaitBinding(ctx, claim, bindingTimeout)
}

func (c Client) awaitBinding(ctx context.Context, claim *corev1.PersistentVolumeClaim, timeout time.Duration) error {
	if c.observer == nil {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err := c.observer.waitUntil(limited, func() (bool, error) {
		observed := c.observer.claims[claim.UID]
		isBound := observed != nil && !observed.boundAt.IsZero()
		return isBound || needsPodOrFails(c.observer.eventsOf(claim.UID)), nil
	}, claimNamed(claim.Name))
	if ctx.Err() == nil {
		return nil
	}
	return err
}

// Reasons of events about claims.
const (
	// waitsForPod means that a claim is bound when a pod uses it.
	waitsForPod = "WaitForFirstConsumer"
	// failedBinding means that there is no volume for a claim, and nothing that could create one.
	failedBinding = "FailedBinding"
)

// needsPodOrFails reports whether the events about a claim show that it is not bound without a pod, or that there is a
// problem.
func needsPodOrFails(events []corev1.Event) bool {
	return slices.ContainsFunc(events, func(e corev1.Event) bool {
		return e.Reason == waitsForPod || e.Reason == failedBinding || e.Type == corev1.EventTypeWarning
	})
}

// Claim reads a claim from the API server.
func (c Client) Claim(ctx context.Context, name string) (*corev1.PersistentVolumeClaim, error) {
	var claim *corev1.PersistentVolumeClaim
	err := c.retry(ctx, "getting claim "+name, func(ctx context.Context) (err error) {
		claim, err = c.API.CoreV1().PersistentVolumeClaims(c.Namespace).Get(ctx, name, metav1.GetOptions{})
		return err
	})
	if apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("claim %s/%s does not exist", c.Namespace, name)
	}
	if err != nil {
		return nil, fmt.Errorf("getting claim %s/%s: %w", c.Namespace, name, err)
	}
	return claim, nil
}

// BoundClaim returns a claim that a running pod uses, as it was last observed or, if that is not known, from the API
// server.
func (c Client) BoundClaim(ctx context.Context, name string) (*corev1.PersistentVolumeClaim, error) {
	if observed := c.observer.existingClaim(name); observed != nil && observed.Status.Phase == corev1.ClaimBound {
		return observed, nil
	}
	return c.Claim(ctx, name)
}

// ClaimObstacle returns why no pod can use a claim any more, with advice; empty if pods can use it.
func ClaimObstacle(claim *corev1.PersistentVolumeClaim) string {
	switch {
	case claim.Status.Phase == corev1.ClaimLost:
		return "claim " + claim.Name + " is Lost: its PersistentVolume no longer exists" +
			advice.Sentence(schedulingHints[scheduling.ClaimGone])
	case claim.DeletionTimestamp != nil:
		return "claim " + claim.Name + " is being deleted" + advice.Sentence(schedulingHints[scheduling.ClaimGone])
	}
	return ""
}

// UsableClaim reads a claim from the API server. It returns an error if no pod can use the claim any more, or if its
// volume has another mode.
func (c Client) UsableClaim(
	ctx context.Context, name string, mode corev1.PersistentVolumeMode,
) (*corev1.PersistentVolumeClaim, error) {
	claim, err := c.Claim(ctx, name)
	if err != nil {
		return nil, err
	}
	if obstacle := ClaimObstacle(claim); obstacle != "" {
		return nil, errors.New(obstacle)
	}
	if actual := ptr.Deref(claim.Spec.VolumeMode, corev1.PersistentVolumeFilesystem); actual != mode {
		return nil, fmt.Errorf("claim %s has the volume mode %s, not %s%s", name, actual, mode,
			advice.Sentence("set VOLUME_MODE to "+string(actual)))
	}
	return claim, nil
}

// DeleteClaim deletes the claim with this UID and returns once it no longer exists. It is no error if the claim does
// not exist.
func (c Client) DeleteClaim(ctx context.Context, name string, uid types.UID) error {
	claims := c.API.CoreV1().PersistentVolumeClaims(c.Namespace)
	options := metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}}
	err := c.retry(ctx, "deleting claim "+name, func(ctx context.Context) error {
		return claims.Delete(ctx, name, options)
	})
	if isDeleted(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("deleting claim %s/%s: %w", c.Namespace, name, err)
	}
	deleted := func() bool { o := c.observer.claims[uid]; return o != nil && o.deleted }
	return awaitDeleted(ctx, c, claimNamed(name), uid, claims.Get, deleted)
}
