package preflight

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// describeStorage returns a row for each StorageClass and CSI driver of the run. They inform: a missing feature is no
// failure. checkClasses reports StorageClasses that are not known.
func describeStorage(classes []result.StorageClass, drivers []result.CSIDriver) []Check {
	var rows []Check
	for _, c := range classes {
		if c.NotKnown == "" {
			rows = append(rows, Check{"StorageClass " + c.Name, Passed, describeClass(c)})
		}
	}
	for _, d := range drivers {
		row := Check{"CSI driver " + d.Name, Passed, describeDriver(d)}
		if len(d.NotKnown) > 0 {
			row.Status = Warning
		}
		rows = append(rows, row)
	}
	return rows
}

func describeClass(c result.StorageClass) string {
	facts := []string{
		"provisioner " + c.Provisioner, "volumeBindingMode " + c.VolumeBindingMode, "reclaimPolicy " + c.ReclaimPolicy,
	}
	if c.AllowVolumeExpansion != nil {
		facts = append(facts, fmt.Sprintf("allowVolumeExpansion %t", *c.AllowVolumeExpansion))
	}
	if len(c.MountOptions) > 0 {
		facts = append(facts, "mountOptions "+strings.Join(c.MountOptions, ","))
	}
	var parameters []string
	for _, name := range slices.Sorted(maps.Keys(c.Parameters)) {
		parameters = append(parameters, name+"="+c.Parameters[name])
	}
	if len(parameters) > 0 {
		facts = append(facts, "parameters "+strings.Join(parameters, ", "))
	}
	return strings.Join(facts, "; ")
}

func describeDriver(d result.CSIDriver) string {
	var facts []string
	add := func(name string, value *bool) {
		if value != nil {
			facts = append(facts, fmt.Sprintf("%s %t", name, *value))
		}
	}
	add("attachRequired", d.AttachRequired)
	add("podInfoOnMount", d.PodInfoOnMount)
	if d.FSGroupPolicy != "" {
		facts = append(facts, "fsGroupPolicy "+d.FSGroupPolicy)
	}
	if len(d.VolumeLifecycleModes) > 0 {
		facts = append(facts, "volumeLifecycleModes "+strings.Join(d.VolumeLifecycleModes, ","))
	}
	add("storageCapacity", d.StorageCapacity)
	add("seLinuxMount", d.SELinuxMount)
	add("requiresRepublish", d.RequiresRepublish)
	if d.Nodes != nil {
		facts = append(facts, "registered on "+judge.Count(*d.Nodes, "node"))
	}
	switch {
	case len(d.SnapshotClasses) > 0:
		facts = append(facts, "VolumeSnapshotClasses "+strings.Join(d.SnapshotClasses, ","))
	case d.SnapshotClasses != nil:
		facts = append(facts, "no VolumeSnapshotClass")
	}
	if len(d.Images) > 0 {
		facts = append(facts, "images "+strings.Join(d.Images, ", "))
	}
	for _, unknown := range d.NotKnown {
		facts = append(facts, "not known: "+unknown)
	}
	return strings.Join(facts, "; ")
}
