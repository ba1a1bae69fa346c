package options

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/volume-durability/volume-durability/pkg/pattern"
)

// CellSpec describes a cell: one combination of options, which is tested on a volume of its own.
type CellSpec struct {
	// Name is unique in the run and valid as a part of an object's name. It is absent if the run has only one cell, not
	// counting the control.
	Name string `json:"name,omitempty"`
	// Control marks the cell that must lose its data, which shows that the run can detect loss.
	Control       bool                              `json:"control,omitempty"`
	VolumeSource  VolumeSource                      `json:"volumeSource"`
	StorageClass  string                            `json:"storageClass,omitempty"` // Absent for the cluster's default.
	ExistingClaim string                            `json:"existingClaim,omitempty"`
	AccessMode    corev1.PersistentVolumeAccessMode `json:"accessMode,omitempty"`
	VolumeMode    corev1.PersistentVolumeMode       `json:"volumeMode"`
	ReaderNode    ReaderNode                        `json:"readerNode"`
	// Force deletes the writers with a grace period of 0.
	Force bool `json:"force"`
	// WritePattern is how the writers write.
	WritePattern pattern.Name `json:"writePattern"`
}

// ControlName is the name of the control.
const ControlName = "control"

// AllStorageClasses stands for every StorageClass of the cluster.
const AllStorageClasses = "*"

// Cells returns a cell for each combination of options, and the control if there is one. If classes is
// empty, Cells uses v.StorageClasses.
func (v Values) Cells(classes []string) []CellSpec {
	if len(classes) == 0 {
		classes = v.StorageClasses
	}
	cells := v.combinations(classes)
	if len(cells) > 1 {
		for i := range cells {
			cells[i].Name = v.cellName(cells[i], len(classes) > 1)
		}
	}
	if v.NegativeControl {
		cells = append(cells, v.control())
	}
	return cells
}

// maxCells guards against typing errors in MAX_CELLS.
const maxCells = 10_000

// CheckCellCount returns an error if a run has more cells than MAX_CELLS.
func (v Values) CheckCellCount(cells int) error {
	if cells <= v.MaxCells {
		return nil
	}
	return InvalidValueError{"MAX_CELLS", strconv.Itoa(v.MaxCells), fmt.Sprintf("at least %d, which is the number of "+
		"cells of this run, or fewer values in STORAGE_CLASSES, ACCESS_MODE, VOLUME_MODE, READER_NODE, FORCE and "+
		"WRITE_PATTERN", cells)}
}

// excessiveCells returns an error if the values have more cells than MAX_CELLS. If the run tests all StorageClasses of
// the cluster, it returns none, because their number is unknown.
func excessiveCells(v Values) []error {
	classes := max(1, len(v.StorageClasses))
	if slices.Contains(v.StorageClasses, AllStorageClasses) || v.MaxCells == 0 {
		return nil
	}
	cells := classes * v.cellsPerClass()
	if v.NegativeControl {
		cells++
	}
	if err := v.CheckCellCount(cells); err != nil {
		return []error{err}
	}
	return nil
}

func (v Values) combinations(classes []string) []CellSpec {
	var cells []CellSpec
	for _, class := range classes {
		for _, accessMode := range v.AccessModes {
			for _, volumeMode := range v.VolumeModes {
				for _, readerNode := range v.ReaderNodes {
					for _, force := range v.Force {
						cells = append(cells, v.withPatterns(CellSpec{
							VolumeSource: v.VolumeSource, StorageClass: class, ExistingClaim: v.ExistingClaim,
							AccessMode: accessMode, VolumeMode: volumeMode, ReaderNode: readerNode, Force: force,
						})...)
					}
				}
			}
		}
	}
	return cells
}

// withPatterns returns the cell once for each write pattern.
func (v Values) withPatterns(c CellSpec) []CellSpec {
	var cells []CellSpec
	for _, name := range v.WritePatterns {
		c.WritePattern = name
		cells = append(cells, c)
	}
	return cells
}

// Layout returns the layout of a cell's objects; zero for the write pattern append.
func (v Values) Layout(c CellSpec) pattern.Layout {
	if c.WritePattern == pattern.Append {
		return pattern.Layout{}
	}
	objects := v.WriteObjects
	if objects == 0 {
		objects = DefaultObjects(c.WritePattern)
	}
	return pattern.NewLayout(c.WritePattern, objects)
}

// DefaultObjects returns the number of objects of a pattern if WRITE_OBJECTS is unset. A writer removes files only
// after it has created that many. The default is so low that a writer of a local run, which is killed after two
// seconds, removes files even if its storage takes only 20 records per second.
func DefaultObjects(name pattern.Name) int {
	if name.SomeOperationsRemove() {
		return 32
	}
	return 1024
}

func (v Values) control() CellSpec {
	return CellSpec{
		Name: ControlName, Control: true, VolumeSource: EmptyDir, VolumeMode: corev1.PersistentVolumeFilesystem,
		ReaderNode: AnyNode, Force: v.Force[0], WritePattern: pattern.Append,
	}
}

// cellName joins what distinguishes a cell from the others.
func (v Values) cellName(c CellSpec, severalClasses bool) string {
	var parts []string
	if severalClasses {
		parts = append(parts, c.StorageClass)
	}
	if len(v.AccessModes) > 1 {
		parts = append(parts, accessModeAbbreviations[c.AccessMode])
	}
	if len(v.VolumeModes) > 1 {
		parts = append(parts, strings.ToLower(string(c.VolumeMode)))
	}
	if len(v.ReaderNodes) > 1 {
		parts = append(parts, string(c.ReaderNode))
	}
	if len(v.Force) > 1 {
		parts = append(parts, map[bool]string{false: "graceful", true: "forced"}[c.Force])
	}
	if len(v.WritePatterns) > 1 {
		parts = append(parts, string(c.WritePattern))
	}
	return strings.Join(parts, "/")
}

// accessModeAbbreviations are those of kubectl, in lower case.
var accessModeAbbreviations = map[corev1.PersistentVolumeAccessMode]string{
	corev1.ReadWriteOnce: "rwo", corev1.ReadWriteOncePod: "rwop", corev1.ReadWriteMany: "rwx",
}

// DisplayName returns the name by which users see the cell: its name, or that of its volume if the run has one cell.
func (c CellSpec) DisplayName() string {
	switch {
	case c.Name != "":
		return c.Name
	case c.ExistingClaim != "":
		return c.ExistingClaim
	case c.VolumeSource == EmptyDir:
		return "emptyDir"
	case c.VolumeSource == Local:
		return "local"
	case c.StorageClass != "":
		return c.StorageClass
	default:
		return "default StorageClass"
	}
}

// ObjectName returns the name of one of the cell's objects: base, with the cell's name appended if it has one.
func (c CellSpec) ObjectName(base string) string {
	if c.Name == "" {
		return base
	}
	return base + "-" + strings.ReplaceAll(c.Name, "/", "-")
}
