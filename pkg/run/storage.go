package run

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// storageTimeout limits the requests about the storage. A run does not depend on them.
const storageTimeout = 15 * time.Second

// describeStorage works like DescribeStorage, and lists the StorageClasses.
func (r Run) describeStorage(ctx context.Context, cells []*cell) ([]result.StorageClass, []result.CSIDriver) {
	var specs []options.CellSpec
	for _, c := range cells {
		specs = append(specs, c.result.Spec)
	}
	ctx, cancel := context.WithTimeout(ctx, storageTimeout)
	defer cancel()
	list, err := r.Kube.API.StorageV1().StorageClasses().List(ctx, metav1.ListOptions{})
	if err != nil {
		return r.DescribeStorage(ctx, specs, nil, err)
	}
	return r.DescribeStorage(ctx, specs, list.Items, nil)
}

// DescribeStorage returns what the cluster reports about the StorageClasses and the CSI drivers of the cells. What may
// not be read is marked as not known. classes are the StorageClasses of the cluster, and classErr is why they could not
// be listed.
func (r Run) DescribeStorage(
	ctx context.Context, cells []options.CellSpec, classes []storagev1.StorageClass, classErr error,
) ([]result.StorageClass, []result.CSIDriver) {
	ctx, cancel := context.WithTimeout(ctx, storageTimeout)
	defer cancel()
	var described []result.StorageClass
	drivers := map[string]bool{}
	for _, name := range r.classNames(ctx, cells, drivers) {
		class := describeClass(name, classes, classErr)
		described = append(described, class)
		if class.Provisioner != "" {
			drivers[class.Provisioner] = true
		}
	}
	return described, r.describeDrivers(ctx, slices.Sorted(maps.Keys(drivers)))
}

// classNames returns the names of the StorageClasses of the cells, which are empty for the default. It adds the driver
// of an existing claim, whose StorageClass may not exist any more.
func (r Run) classNames(ctx context.Context, cells []options.CellSpec, drivers map[string]bool) []string {
	var names []string
	for _, c := range cells {
		switch {
		case c.VolumeSource != options.Claim:
			continue
		case c.ExistingClaim == "":
			names = append(names, c.StorageClass)
			continue
		}
		claims := r.Kube.API.CoreV1().PersistentVolumeClaims(r.Kube.Namespace)
		claim, err := claims.Get(ctx, c.ExistingClaim, metav1.GetOptions{})
		if err != nil {
			continue
		}
		if class := ptr.Deref(claim.Spec.StorageClassName, ""); class != "" {
			names = append(names, class)
		}
		volume, err := r.Kube.API.CoreV1().PersistentVolumes().Get(ctx, claim.Spec.VolumeName, metav1.GetOptions{})
		if err == nil && volume.Spec.CSI != nil {
			drivers[volume.Spec.CSI.Driver] = true
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func describeClass(name string, classes []storagev1.StorageClass, err error) result.StorageClass {
	i := slices.IndexFunc(classes, func(c storagev1.StorageClass) bool {
		return c.Name == name || name == "" && kube.IsDefault(c)
	})
	switch {
	case err != nil:
		return result.StorageClass{Name: name, IsDefault: name == "", NotKnown: err.Error()}
	case i < 0:
		return result.StorageClass{Name: name, IsDefault: name == "", NotKnown: "it does not exist"}
	}
	c := classes[i]
	return result.StorageClass{
		Name: c.Name, IsDefault: kube.IsDefault(c), Provisioner: c.Provisioner,
		VolumeBindingMode:    string(ptr.Deref(c.VolumeBindingMode, storagev1.VolumeBindingImmediate)),
		ReclaimPolicy:        string(ptr.Deref(c.ReclaimPolicy, corev1.PersistentVolumeReclaimDelete)),
		AllowVolumeExpansion: ptr.To(ptr.Deref(c.AllowVolumeExpansion, false)),
		MountOptions:         c.MountOptions, Parameters: withoutSecrets(c.Parameters),
	}
}

// secretParameter matches the names of parameters whose values may be secret. Names of Secrets are not secret.
var secretParameter = regexp.MustCompile(`(?i)(password|passwd|token|userkey|accesskey|secretkey|secret)$`)

func withoutSecrets(parameters map[string]string) map[string]string {
	shown := maps.Clone(parameters)
	for name := range shown {
		if secretParameter.MatchString(name) {
			shown[name] = "(not shown)"
		}
	}
	return shown
}

// describeDrivers returns what the cluster reports about CSI drivers. A provisioner without a CSIDriver object is left
// out.
func (r Run) describeDrivers(ctx context.Context, names []string) []result.CSIDriver {
	if len(names) == 0 {
		return nil
	}
	nodes, nodesErr := r.Kube.DriverNodes(ctx)
	snapshots, snapshotErr := r.Kube.SnapshotClasses(ctx)
	daemonSets, imageErr := r.Kube.DaemonSets(ctx)
	var drivers []result.CSIDriver
	for _, name := range names {
		d := result.CSIDriver{Name: name}
		unknown := func(what string, err error) {
			if err != nil {
				d.NotKnown = append(d.NotKnown, fmt.Sprintf("%s: %v", what, err))
			}
		}
		object, err := r.Kube.CSIDriver(ctx, name)
		if err == nil && object == nil {
			continue
		}
		unknown("features", err)
		if object != nil {
			addFeatures(&d, object.Spec)
		}
		unknown("nodes", nodesErr)
		if nodesErr == nil {
			d.Nodes = ptr.To(nodes[name])
		}
		unknown("VolumeSnapshotClasses", snapshotErr)
		if snapshotErr == nil {
			d.SnapshotClasses = append([]string{}, snapshots[name]...)
		}
		unknown("images", imageErr)
		d.Images = kube.NodePluginImages(daemonSets, name)
		drivers = append(drivers, d)
	}
	return drivers
}

// addFeatures adds the features in a CSIDriver object, with the defaults of the API.
func addFeatures(d *result.CSIDriver, spec storagev1.CSIDriverSpec) {
	value := func(b *bool, otherwise bool) *bool { return ptr.To(ptr.Deref(b, otherwise)) }
	d.AttachRequired = value(spec.AttachRequired, true)
	d.PodInfoOnMount = value(spec.PodInfoOnMount, false)
	d.FSGroupPolicy = string(ptr.Deref(spec.FSGroupPolicy, storagev1.ReadWriteOnceWithFSTypeFSGroupPolicy))
	d.StorageCapacity = value(spec.StorageCapacity, false)
	d.SELinuxMount = value(spec.SELinuxMount, false)
	d.RequiresRepublish = value(spec.RequiresRepublish, false)
	for _, mode := range spec.VolumeLifecycleModes {
		d.VolumeLifecycleModes = append(d.VolumeLifecycleModes, string(mode))
	}
	if len(d.VolumeLifecycleModes) == 0 {
		d.VolumeLifecycleModes = []string{string(storagev1.VolumeLifecyclePersistent)}
	}
}
