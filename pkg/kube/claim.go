package kube

import (
	"context"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"
)

// ClaimSpec is what to ask of a StorageClass.
type ClaimSpec struct {
	Name string
	// Class is empty for the cluster's default.
	Class string
	Size  resource.Quantity
	Mode  corev1.PersistentVolumeAccessMode
	// VolumeMode is empty for a filesystem.
	VolumeMode corev1.PersistentVolumeMode
	// Template is the claim to begin with, nil for an empty one.
	Template *corev1.PersistentVolumeClaim
}

// ParseClaimTemplate reads the manifest of a claim. Its name, class and modes are of no
// matter: each cell sets its own.
func ParseClaimTemplate(manifest []byte) (*corev1.PersistentVolumeClaim, error) {
	var claim corev1.PersistentVolumeClaim
	if err := yaml.UnmarshalStrict(manifest, &claim); err != nil {
		return nil, fmt.Errorf("the manifest of a claim: %w", err)
	}
	if claim.Kind != "PersistentVolumeClaim" || claim.APIVersion != "v1" {
		return nil, fmt.Errorf("the manifest of a claim: apiVersion %q, kind %q: want v1, PersistentVolumeClaim", claim.APIVersion, claim.Kind)
	}
	return &claim, nil
}

// claim is the claim that a spec describes.
func (n Client) claim(spec ClaimSpec) *corev1.PersistentVolumeClaim {
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: n.meta(spec.Name)}
	if spec.Template != nil {
		claim.Annotations = spec.Template.Annotations
		claim.Labels = merged(spec.Template.Labels, n.Labels)
		spec.Template.Spec.DeepCopyInto(&claim.Spec)
	}
	claim.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{spec.Mode}
	if spec.VolumeMode != "" {
		claim.Spec.VolumeMode = &spec.VolumeMode
	}
	if spec.Class != "" {
		claim.Spec.StorageClassName = &spec.Class
	}
	if _, set := claim.Spec.Resources.Requests[corev1.ResourceStorage]; !set {
		claim.Spec.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: spec.Size}
	}
	return claim
}

// merged has the entries of both; those of the second win.
func merged(first, second map[string]string) map[string]string {
	all := map[string]string{}
	maps.Copy(all, first)
	maps.Copy(all, second)
	return all
}

// CreateClaim makes a claim. Whether it binds now or with its first pod is the
// storage class's choice.
func (n Client) CreateClaim(ctx context.Context, spec ClaimSpec) (*corev1.PersistentVolumeClaim, error) {
	claim := n.claim(spec)
	claims := n.API.CoreV1().PersistentVolumeClaims(n.Namespace)
	created, err := create(ctx, n, "creating claim "+spec.Name, spec.Name, claim, claims.Create, claims.Get)
	if err != nil {
		return nil, n.taken("claim", spec.Name, err)
	}
	n.Log.WithField("claim", created.Name).Info("Claim created")
	return created, nil
}

// Claim returns a claim as it is now.
func (n Client) Claim(ctx context.Context, name string) (*corev1.PersistentVolumeClaim, error) {
	var claim *corev1.PersistentVolumeClaim
	err := n.insist(ctx, "reading claim "+name, func(ctx context.Context) (err error) {
		claim, err = n.API.CoreV1().PersistentVolumeClaims(n.Namespace).Get(ctx, name, metav1.GetOptions{})
		return err
	})
	if apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("claim %s/%s does not exist", n.Namespace, name)
	}
	if err != nil {
		return nil, fmt.Errorf("reading claim %s/%s: %w", n.Namespace, name, err)
	}
	return claim, nil
}

// DeleteClaim deletes a claim and returns once it is gone.
func (n Client) DeleteClaim(ctx context.Context, name string, uid types.UID) error {
	err := n.insist(ctx, "deleting claim "+name, func(ctx context.Context) error {
		return n.API.CoreV1().PersistentVolumeClaims(n.Namespace).Delete(ctx, name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}})
	})
	if isGone(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("deleting claim %s/%s: %w", n.Namespace, name, err)
	}
	seenToGo := func() bool { c := n.observer.claims[uid]; return c != nil && c.gone }
	return awaitGone(ctx, n, "claim", name, uid, n.API.CoreV1().PersistentVolumeClaims(n.Namespace).Get, seenToGo)
}
