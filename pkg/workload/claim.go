package workload

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
)

// ClaimSpec is what to ask of a StorageClass.
type ClaimSpec struct {
	Name string
	// Class is empty for the cluster's default.
	Class string
	Size  resource.Quantity
	Mode  corev1.PersistentVolumeAccessMode
}

// CreateClaim makes a claim. Whether it binds now or with its first pod is the
// storage class's choice.
func (n Namespace) CreateClaim(ctx context.Context, spec ClaimSpec) (*corev1.PersistentVolumeClaim, error) {
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: n.meta(spec.Name),
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{spec.Mode},
			Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: spec.Size}},
		},
	}
	if spec.Class != "" {
		claim.Spec.StorageClassName = &spec.Class
	}
	claims := n.Client.CoreV1().PersistentVolumeClaims(n.Name)
	created, err := create(ctx, n, "creating claim "+spec.Name, spec.Name, claim, claims.Create, claims.Get)
	if err != nil {
		return nil, n.taken("claim", spec.Name, err)
	}
	n.Log.WithField("claim", created.Name).Info("Claim created")
	return created, nil
}

// AwaitBound returns a claim once it is bound.
func (n Namespace) AwaitBound(ctx context.Context, name string) (*corev1.PersistentVolumeClaim, error) {
	ctx, cancel := n.within(ctx, "claim %s/%s to be bound", n.Name, name)
	defer cancel()
	event, err := watchtools.UntilWithSync(ctx, n.claimWatch(name), &corev1.PersistentVolumeClaim{}, nil, func(event watch.Event) (bool, error) {
		claim, ok := event.Object.(*corev1.PersistentVolumeClaim)
		switch {
		case !ok:
			return false, nil
		case claim.Status.Phase == corev1.ClaimLost:
			return false, fmt.Errorf("claim %s/%s has lost its volume", n.Name, name)
		default:
			return claim.Status.Phase == corev1.ClaimBound, nil
		}
	})
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		said := n.lastEvents(name)
		return nil, fmt.Errorf("%w: %s%s", err, said, hint(said))
	}
	return event.Object.(*corev1.PersistentVolumeClaim), nil
}

// ExistingClaim returns a claim that somebody else made.
func (n Namespace) ExistingClaim(ctx context.Context, name string) (*corev1.PersistentVolumeClaim, error) {
	var claim *corev1.PersistentVolumeClaim
	err := n.insist(ctx, "reading claim "+name, func(ctx context.Context) (err error) {
		claim, err = n.Client.CoreV1().PersistentVolumeClaims(n.Name).Get(ctx, name, metav1.GetOptions{})
		return err
	})
	if apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("claim %s/%s does not exist", n.Name, name)
	}
	if err != nil {
		return nil, fmt.Errorf("reading claim %s/%s: %w", n.Name, name, err)
	}
	return claim, nil
}

// DeleteClaim deletes a claim and returns once it is gone.
func (n Namespace) DeleteClaim(ctx context.Context, name string, uid types.UID) error {
	err := n.insist(ctx, "deleting claim "+name, func(ctx context.Context) error {
		return n.Client.CoreV1().PersistentVolumeClaims(n.Name).Delete(ctx, name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}})
	})
	if isGone(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("deleting claim %s/%s: %w", n.Name, name, err)
	}
	return n.awaitGone(ctx, "claim", name, uid, n.claimWatch(name), &corev1.PersistentVolumeClaim{})
}

func (n Namespace) claimWatch(name string) cache.ListerWatcher {
	return ByName(name, n.Client.CoreV1().PersistentVolumeClaims(n.Name))
}
