package kube

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/volume-durability/volume-durability/pkg/advice"
)

// noProvisioner is the provisioner of StorageClasses without dynamic provisioning
// (kubernetes.io/docs/concepts/storage/storage-classes, "Local").
const noProvisioner = "kubernetes.io/no-provisioner"

// HasProvisioner reports whether volumes of a StorageClass are provisioned dynamically.
func HasProvisioner(class storagev1.StorageClass) bool { return class.Provisioner != noProvisioner }

// IsDefault reports whether a StorageClass is the default of the cluster.
func IsDefault(class storagev1.StorageClass) bool {
	return class.Annotations["storageclass.kubernetes.io/is-default-class"] == "true"
}

// StorageClasses returns all StorageClasses of the cluster, sorted by name.
func (c Client) StorageClasses(ctx context.Context) ([]storagev1.StorageClass, error) {
	var classes []storagev1.StorageClass
	err := c.retry(ctx, "listing StorageClasses", func(ctx context.Context) error {
		list, err := c.API.StorageV1().StorageClasses().List(ctx, metav1.ListOptions{})
		if err == nil {
			classes = list.Items
		}
		return err
	})
	if apierrors.IsForbidden(err) {
		return nil, fmt.Errorf("listing StorageClasses: %w%s", err,
			advice.Sentence("apply rbac-optional.yaml, or list the classes in STORAGE_CLASSES"))
	}
	if err != nil {
		return nil, fmt.Errorf("listing StorageClasses: %w", err)
	}
	return classes, nil
}

// Volume describes a PersistentVolume.
type Volume struct {
	Provisioner  string
	MountOptions []string
	// Handle is the CSI driver's ID of the volume; empty for a volume without CSI.
	Handle string
}

// Volume describes a PersistentVolume. The description is empty if it cannot be read.
func (c Client) Volume(ctx context.Context, name string) Volume {
	pv, err := c.API.CoreV1().PersistentVolumes().Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		c.Log.WithError(err).Info("Could not read the PersistentVolume; its provisioner and handle are unknown")
		return Volume{}
	}
	v := Volume{
		Provisioner: pv.Annotations["pv.kubernetes.io/provisioned-by"], MountOptions: pv.Spec.MountOptions,
	}
	if pv.Spec.CSI != nil {
		v.Handle = pv.Spec.CSI.VolumeHandle
	}
	return v
}

// Nodes returns the nodes of the cluster. It needs a permission in rbac-optional.yaml.
func (c Client) Nodes(ctx context.Context) (nodes []corev1.Node, err error) {
	err = c.retry(ctx, "listing nodes", func(ctx context.Context) error {
		list, err := c.API.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
		if err == nil {
			nodes = list.Items
		}
		return err
	})
	return nodes, err
}

// ClusterUID returns the UID of the namespace kube-system, which is commonly used as the ID of the cluster. It returns
// an empty string if the namespace cannot be read.
func (c Client) ClusterUID(ctx context.Context) types.UID {
	system, err := c.API.CoreV1().Namespaces().Get(ctx, metav1.NamespaceSystem, metav1.GetOptions{})
	if err != nil {
		return ""
	}
	return system.UID
}

// Version returns the version of the API server; an empty string if it cannot be read.
func (c Client) Version(ctx context.Context) string {
	ctx, cancel := c.withTimeout(ctx, "the version of the API server")
	defer cancel()
	version, err := ServerVersion(ctx, c.API)
	if err != nil {
		c.Log.WithError(err).Info("Could not read the version of the API server")
	}
	return version
}

// ServerVersion returns the version of an API server. It returns when the context ends, although the request of
// client-go takes no context.
func ServerVersion(ctx context.Context, client kubernetes.Interface) (string, error) {
	type answer struct {
		version string
		err     error
	}
	answers := make(chan answer, 1)
	go func() {
		info, err := client.Discovery().ServerVersion()
		if err != nil {
			answers <- answer{err: err}
			return
		}
		answers <- answer{version: info.GitVersion}
	}()
	select {
	case <-ctx.Done():
		return "", fmt.Errorf("the API server did not answer: %w", context.Cause(ctx))
	case a := <-answers:
		return a.version, a.err
	}
}
