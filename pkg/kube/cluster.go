package kube

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

// noProvisioner is the provisioner of classes whose volumes are made by hand
// (kubernetes.io/docs/concepts/storage/storage-classes, "Local").
const noProvisioner = "kubernetes.io/no-provisioner"

// Class is a StorageClass.
type Class struct {
	Name string
	// NoProvisioner says that nothing makes volumes of this class.
	NoProvisioner bool
}

// Classes are all StorageClasses of the cluster, by name.
func (n Client) Classes(ctx context.Context) ([]Class, error) {
	var all []Class
	err := n.insist(ctx, "listing storage classes", func(ctx context.Context) error {
		list, err := n.API.StorageV1().StorageClasses().List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		all = nil
		for _, c := range list.Items {
			all = append(all, Class{Name: c.Name, NoProvisioner: c.Provisioner == noProvisioner})
		}
		return nil
	})
	if apierrors.IsForbidden(err) {
		return nil, fmt.Errorf("listing storage classes: %w. What to do: apply rbac-optional.yaml, or name the classes in STORAGE_CLASSES", err)
	}
	if err != nil {
		return nil, fmt.Errorf("listing storage classes: %w", err)
	}
	return all, nil
}

// Volume is a PersistentVolume, as far as it tells whose it is.
type Volume struct {
	Provisioner string
	// Handle is the driver's own name of the volume; empty where it is none of CSI's.
	Handle string
}

// Volume looks a PersistentVolume up. What may not be seen is empty.
func (n Client) Volume(ctx context.Context, name string) Volume {
	pv, err := n.API.CoreV1().PersistentVolumes().Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		n.Log.WithError(err).Info("The persistent volume cannot be seen: its provisioner and handle stay unknown")
		return Volume{}
	}
	v := Volume{Provisioner: pv.Annotations["pv.kubernetes.io/provisioned-by"]}
	if pv.Spec.CSI != nil {
		v.Handle = pv.Spec.CSI.VolumeHandle
	}
	return v
}

// Nodes are the cluster's. Who may see no more than a namespace may not see them.
func (n Client) Nodes(ctx context.Context) (nodes []corev1.Node, err error) {
	err = n.insist(ctx, "looking for nodes", func(ctx context.Context) error {
		list, err := n.API.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
		if err == nil {
			nodes = list.Items
		}
		return err
	})
	return nodes, err
}

// ClusterUID is that of the namespace kube-system, by which clusters are told
// apart; empty where it may not be seen.
func (n Client) ClusterUID(ctx context.Context) types.UID {
	system, err := n.API.CoreV1().Namespaces().Get(ctx, metav1.NamespaceSystem, metav1.GetOptions{})
	if err != nil {
		return ""
	}
	return system.UID
}

// Version is the API server's; empty where it does not say.
func (n Client) Version(ctx context.Context) string {
	ctx, cancel := n.within(ctx, "the API server: asking for its version")
	defer cancel()
	version, err := ServerVersion(ctx, n.API)
	if err != nil {
		n.Log.WithError(err).Info("The API server does not say which version it is")
	}
	return version
}

// ServerVersion is an API server's. One that does not answer keeps nobody waiting
// whose patience, or context, has ended: client-go's request takes none.
func ServerVersion(ctx context.Context, client kubernetes.Interface) (string, error) {
	answered := make(chan error, 1)
	var said string
	go func() {
		info, err := client.Discovery().ServerVersion()
		if err == nil {
			said = info.GitVersion
		}
		answered <- err
	}()
	select {
	case <-ctx.Done():
		return "", fmt.Errorf("it does not answer: %w", context.Cause(ctx))
	case err := <-answered:
		return said, err
	}
}
