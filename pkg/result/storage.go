package result

// StorageClass returns the StorageClass of a name; an empty name is the default. The class has no fields if it is not
// known.
func (c Cluster) StorageClass(name string) StorageClass {
	for _, class := range c.StorageClasses {
		if class.Name == name || name == "" && class.IsDefault {
			return class
		}
	}
	return StorageClass{}
}

// CSIDriver returns the CSI driver of a name. The driver has no fields if it is not known.
func (c Cluster) CSIDriver(name string) CSIDriver {
	for _, driver := range c.CSIDrivers {
		if driver.Name == name {
			return driver
		}
	}
	return CSIDriver{}
}

// StorageClass is a StorageClass of the run's claims. Unknown fields are absent.
type StorageClass struct {
	Name string `json:"name"`
	// IsDefault reports whether it is the default of the cluster.
	IsDefault bool `json:"isDefault,omitempty"`
	// NotKnown is why the StorageClass is not known; absent if it is.
	NotKnown string `json:"notKnown,omitempty"`
	// Provisioner is the CSI driver or another provisioner.
	Provisioner string `json:"provisioner,omitempty"`
	// VolumeBindingMode is Immediate or WaitForFirstConsumer.
	VolumeBindingMode string `json:"volumeBindingMode,omitempty"`
	// ReclaimPolicy is Delete or Retain.
	ReclaimPolicy string `json:"reclaimPolicy,omitempty"`
	// AllowVolumeExpansion reports whether claims can be resized.
	AllowVolumeExpansion *bool `json:"allowVolumeExpansion,omitempty"`
	// MountOptions are the mount options of the volumes.
	MountOptions []string `json:"mountOptions,omitempty"`
	// Parameters are the parameters for the provisioner. The values of passwords and keys are left out.
	Parameters map[string]string `json:"parameters,omitempty"`
}

// CSIDriver is a CSI driver of the run's volumes. Unknown fields are absent.
type CSIDriver struct {
	Name string `json:"name"`
	// NotKnown lists the unknown facts about the driver, with the reasons.
	NotKnown []string `json:"notKnown,omitempty"`
	// AttachRequired reports whether volumes are attached to nodes (VolumeAttachments).
	AttachRequired *bool `json:"attachRequired,omitempty"`
	// PodInfoOnMount reports whether the driver gets the name of the pod that mounts a volume.
	PodInfoOnMount *bool `json:"podInfoOnMount,omitempty"`
	// FSGroupPolicy is ReadWriteOnceWithFSType, File or None.
	FSGroupPolicy string `json:"fsGroupPolicy,omitempty"`
	// VolumeLifecycleModes are Persistent, Ephemeral or both.
	VolumeLifecycleModes []string `json:"volumeLifecycleModes,omitempty"`
	// StorageCapacity reports whether the scheduler considers the free capacity that the driver reports.
	StorageCapacity *bool `json:"storageCapacity,omitempty"`
	// SELinuxMount reports whether the driver can mount volumes with an SELinux label.
	SELinuxMount *bool `json:"seLinuxMount,omitempty"`
	// RequiresRepublish reports whether the kubelet calls the driver repeatedly while a volume is mounted.
	RequiresRepublish *bool `json:"requiresRepublish,omitempty"`
	// Nodes is the number of nodes on which the driver is registered.
	Nodes *int `json:"nodes,omitempty"`
	// SnapshotClasses are the VolumeSnapshotClasses of the driver, which may be none.
	SnapshotClasses []string `json:"snapshotClasses,omitzero"`
	// Images are the images of the driver's node plugin. Their tags usually are the version of the driver.
	Images []string `json:"images,omitempty"`
}
