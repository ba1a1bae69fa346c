package kube

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// CSIDriver returns the CSIDriver object of a provisioner; nil if there is none. A provisioner whose name has a slash,
// such as rancher.io/local-path, is no CSI driver, and client-go rejects the name.
func (c Client) CSIDriver(ctx context.Context, name string) (*storagev1.CSIDriver, error) {
	if strings.Contains(name, "/") {
		return nil, nil
	}
	driver, err := c.API.StorageV1().CSIDrivers().Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return driver, nil
}

// DriverNodes returns on how many nodes each CSI driver is registered.
func (c Client) DriverNodes(ctx context.Context) (map[string]int, error) {
	list, err := c.API.StorageV1().CSINodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	nodes := map[string]int{}
	for _, n := range list.Items {
		for _, d := range n.Spec.Drivers {
			nodes[d.Name]++
		}
	}
	return nodes, nil
}

var snapshotClasses = schema.GroupVersionResource{
	Group: "snapshot.storage.k8s.io", Version: "v1", Resource: "volumesnapshotclasses",
}

// SnapshotClasses returns the names of the VolumeSnapshotClasses, by CSI driver. There are none if the cluster does not
// have this kind of object.
func (c Client) SnapshotClasses(ctx context.Context) (map[string][]string, error) {
	if c.Dynamic == nil {
		return nil, errors.New("VolumeSnapshotClasses were not listed")
	}
	list, err := c.Dynamic.Resource(snapshotClasses).List(ctx, metav1.ListOptions{})
	if apierrors.IsNotFound(err) {
		return map[string][]string{}, nil
	}
	if err != nil {
		return nil, err
	}
	names := map[string][]string{}
	for _, class := range list.Items {
		driver, _, err := unstructured.NestedString(class.Object, "driver")
		if err != nil {
			return nil, err
		}
		names[driver] = append(names[driver], class.GetName())
	}
	return names, nil
}

// DaemonSets returns the DaemonSets of all namespaces.
func (c Client) DaemonSets(ctx context.Context) ([]appsv1.DaemonSet, error) {
	list, err := c.API.AppsV1().DaemonSets(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	return list.Items, nil
}

// csiSidecars are the images of the Kubernetes project that run beside a driver in its node plugin.
var csiSidecars = []string{"csi-node-driver-registrar", "livenessprobe", "csi-external-health-monitor-agent"}

// NodePluginImages returns the images of a driver's node plugin. It finds the DaemonSets by the folder in which a
// driver is registered. By convention, the folder has the name of the driver
// (kubernetes-csi.github.io/docs/node-driver-registrar.html).
func NodePluginImages(daemonSets []appsv1.DaemonSet, driver string) []string {
	var images []string
	for _, d := range daemonSets {
		pod := d.Spec.Template.Spec
		if !namesFolder(pod, "/"+driver) {
			continue
		}
		for _, c := range pod.Containers {
			if !slices.Contains(csiSidecars, imageName(c.Image)) {
				images = append(images, c.Image)
			}
		}
	}
	slices.Sort(images)
	return slices.Compact(images)
}

// namesFolder reports whether an argument, a variable or a volume of a pod names a folder.
func namesFolder(pod corev1.PodSpec, folder string) bool {
	var texts []string
	for _, c := range pod.Containers {
		texts = slices.Concat(texts, c.Command, c.Args)
		for _, e := range c.Env {
			texts = append(texts, e.Value)
		}
	}
	for _, v := range pod.Volumes {
		if v.HostPath != nil {
			texts = append(texts, v.HostPath.Path)
		}
	}
	return slices.ContainsFunc(texts, func(t string) bool {
		return strings.HasSuffix(t, folder) || strings.Contains(t, folder+"/")
	})
}

// imageName returns the last part of an image's repository, such as livenessprobe.
func imageName(image string) string {
	image, _, _ = strings.Cut(image, "@")
	name, _, _ := strings.Cut(path.Base(image), ":")
	return name
}
