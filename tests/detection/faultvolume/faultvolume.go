// Package faultvolume provides volumes that damage data on purpose. A Mount is a faultfs
// process on this machine, which runs all nodes of the test cluster. A Volume is a
// PersistentVolume with the path of such a mount.
package faultvolume

import (
	"context"
	"errors"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// Class is the StorageClass of such volumes. It has no provisioner.
const Class = "faulty"

// Size is the declared size of a volume; it is not enforced.
const Size = "64Mi"

// Config describes a volume.
type Config struct {
	Kube kubernetes.Interface
	// Program is the faultfs program, Folder where the volume is mounted.
	Program, Folder  string
	Namespace, Claim string
	// File is the target of the fault, a path below the mount.
	File  string
	Fault Fault
}

// Volume is a PersistentVolume on a mount of faultfs.
type Volume struct {
	*Mount

	name string
	kube kubernetes.Interface
}

// Create mounts a volume and creates a PersistentVolume that is bound to the claim. The
// caller must call Remove, also after an error.
func Create(ctx context.Context, c Config) (*Volume, error) {
	mount, err := NewMount(ctx, c.Program, filepath.Join(c.Folder, c.Namespace), c.File, c.Fault)
	v := &Volume{Mount: mount, name: c.Namespace, kube: c.Kube}
	if err != nil {
		return v, err
	}
	pv := v.persistentVolume(c.Namespace, c.Claim)
	_, err = c.Kube.CoreV1().PersistentVolumes().Create(ctx, pv, metav1.CreateOptions{})
	return v, err
}

func (v *Volume) persistentVolume(namespace, claim string) *corev1.PersistentVolume {
	kind := corev1.HostPathDirectory
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: v.name},
		Spec: corev1.PersistentVolumeSpec{
			Capacity:                      corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(Size)},
			AccessModes:                   []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			StorageClassName:              Class,
			PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimRetain,
			ClaimRef: &corev1.ObjectReference{
				Kind: "PersistentVolumeClaim", APIVersion: "v1", Namespace: namespace, Name: claim,
			},
			PersistentVolumeSource: corev1.PersistentVolumeSource{
				HostPath: &corev1.HostPathVolumeSource{Path: v.Path, Type: &kind},
			},
		},
	}
}

// Remove removes the volume and everything on it.
func (v *Volume) Remove(ctx context.Context) error {
	deleted := v.kube.CoreV1().PersistentVolumes().Delete(ctx, v.name, metav1.DeleteOptions{})
	return errors.Join(deleted, v.Mount.Remove(ctx))
}
