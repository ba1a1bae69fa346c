package options

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// CellSpec is one combination to try: one volume under test.
type CellSpec struct {
	// Name is unique in its run and may be part of an object's name; empty where the
	// run has one cell.
	Name string `json:"name,omitempty"`
	// Control says that the cell must lose its data: it shows that the run can see that.
	Control       bool                              `json:"control,omitempty"`
	VolumeSource  VolumeSource                      `json:"volumeSource"`
	StorageClass  string                            `json:"storageClass,omitempty"` // empty for the cluster's default
	ExistingClaim string                            `json:"existingClaim,omitempty"`
	AccessMode    corev1.PersistentVolumeAccessMode `json:"accessMode,omitempty"`
	VolumeMode    corev1.PersistentVolumeMode       `json:"volumeMode"`
	ReaderNode    ReaderNode                        `json:"readerNode"`
	Force         bool                              `json:"force"`
}

// ControlName is the name of the cell that must lose its data.
const ControlName = "control"

// AllClasses stands for every StorageClass of the cluster.
const AllClasses = "*"

// Cells are all combinations of what the settings list, and the control, if there
// is to be one. Classes stand in for STORAGE_CLASSES, where that is to be all.
func (s Values) Cells(classes []string) []CellSpec {
	if len(classes) == 0 {
		classes = s.StorageClasses
	}
	var cells []CellSpec
	for _, class := range classes {
		for _, access := range s.AccessModes {
			for _, volume := range s.VolumeModes {
				for _, reader := range s.ReaderNodes {
					for _, force := range s.Force {
						cells = append(cells, CellSpec{
							VolumeSource: s.VolumeSource, StorageClass: class, ExistingClaim: s.ExistingClaim,
							AccessMode: access, VolumeMode: volume, ReaderNode: reader, Force: force,
						})
					}
				}
			}
		}
	}
	if len(cells) > 1 {
		for i := range cells {
			cells[i].Name = s.nameOf(cells[i], len(classes) > 1)
		}
	}
	if s.NegativeControl {
		control := CellSpec{
			Name: ControlName, Control: true, VolumeSource: EmptyDir, VolumeMode: corev1.PersistentVolumeFilesystem,
			ReaderNode: AnyNode, Force: s.Force[0],
		}
		cells = append(cells, control)
	}
	return cells
}

// nameOf names what tells a cell from the others.
func (s Values) nameOf(c CellSpec, severalClasses bool) string {
	var parts []string
	if severalClasses {
		parts = append(parts, c.StorageClass)
	}
	if len(s.AccessModes) > 1 {
		parts = append(parts, shortMode[c.AccessMode])
	}
	if len(s.VolumeModes) > 1 {
		parts = append(parts, strings.ToLower(string(c.VolumeMode)))
	}
	if len(s.ReaderNodes) > 1 {
		parts = append(parts, string(c.ReaderNode))
	}
	if len(s.Force) > 1 {
		parts = append(parts, map[bool]string{false: "graceful", true: "forced"}[c.Force])
	}
	return strings.Join(parts, "/")
}

// shortMode is how kubectl abbreviates access modes, in small letters.
var shortMode = map[corev1.PersistentVolumeAccessMode]string{
	corev1.ReadWriteOnce: "rwo", corev1.ReadWriteOncePod: "rwop", corev1.ReadWriteMany: "rwx",
}

// Object is a name of an object of the cell's: the one that was set where the run
// has one cell.
func (c CellSpec) Object(name string) string {
	if c.Name == "" {
		return name
	}
	return name + "-" + strings.ReplaceAll(c.Name, "/", "-")
}
