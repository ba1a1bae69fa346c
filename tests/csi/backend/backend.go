// Package backend is the kinds of storage that the driver has, and how each becomes
// usable on a node. It knows nothing of Kubernetes, nor of the protocol in which it
// is asked.
package backend

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/volume-durability/volume-durability/tests/faultfs/fault"
)

// Kind is one kind of storage.
type Kind struct {
	Name string
	// Mkfs makes the filesystem of this name on the volume's device; without it there
	// is none.
	Mkfs []string
	// Device says that a volume is on a block device, Block that the device can be
	// had as it is, Shared that several nodes may use a volume at once.
	Device, Block, Shared bool
	// Smallest is the least number of bytes that a volume has.
	Smallest int64
}

const mebibyte = 1 << 20

// The kinds that are no filesystem on a device.
const (
	tmpfs  = "tmpfs"
	shared = "shared"
	faulty = "faulty"
	// Glustered is a folder of a GlusterFS volume.
	Glustered = "gluster"
)

// Kinds is every kind.
func Kinds() []Kind {
	return []Kind{
		{Name: "ext4", Mkfs: []string{"mkfs.ext4", "-q", "-F"}, Device: true, Block: true, Smallest: 16 * mebibyte},
		{Name: "xfs", Mkfs: []string{"mkfs.xfs", "-q", "-f"}, Device: true, Block: true, Smallest: 300 * mebibyte},
		{Name: "btrfs", Mkfs: []string{"mkfs.btrfs", "-q", "-f"}, Device: true, Block: true, Smallest: 128 * mebibyte},
		{Name: "block", Device: true, Block: true, Smallest: mebibyte},
		{Name: tmpfs, Smallest: mebibyte},
		{Name: shared, Shared: true, Smallest: mebibyte},
		{Name: Glustered, Shared: true, Smallest: mebibyte},
		{Name: faulty, Smallest: mebibyte},
	}
}

// Find returns a kind by its name.
func Find(name string) (Kind, error) {
	kinds := Kinds()
	i := slices.IndexFunc(kinds, func(k Kind) bool { return k.Name == name })
	if i < 0 {
		var names []string
		for _, k := range kinds {
			names = append(names, k.Name)
		}
		return Kind{}, fmt.Errorf("backend %q: want one of %s", name, strings.Join(names, ", "))
	}
	return kinds[i], nil
}

// HasFilesystem says whether a volume can be mounted.
func (k Kind) HasFilesystem() bool { return !k.Device || k.Mkfs != nil }

// Parameters of a storage class.
const (
	BackendParameter = "backend"
	faultParameter   = "fault"
	atParameter      = "at"
	fileParameter    = "file"
)

// Parse reads a storage class's parameters. It reports every mistake.
func Parse(parameters map[string]string) (Kind, error) {
	kind, err := Find(parameters[BackendParameter])
	if err != nil {
		return kind, err
	}
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		known := name == BackendParameter || kind.Name == faulty && slices.Contains([]string{faultParameter, atParameter, fileParameter}, name)
		if !known {
			problems = append(problems, fmt.Errorf("parameter %q: backend %s has none of that name", name, kind.Name))
		}
	}
	if kind.Name == faulty {
		_, err := damageOf(parameters)
		problems = append(problems, err)
	}
	return kind, errors.Join(problems...)
}

// unstage is a moment that the filesystem itself does not know: nobody uses the
// volume on this node any more.
const unstage = "unstage"

// damage is what a faulty volume does.
type damage struct {
	spec fault.Spec
	file string
	// atUnstage says that its moment is when the volume leaves the node.
	atUnstage bool
}

func damageOf(parameters map[string]string) (damage, error) {
	d := damage{file: or(parameters[fileParameter], "logs.log"), atUnstage: parameters[atParameter] == unstage}
	at := or(parameters[atParameter], "close")
	if d.atUnstage {
		at = "command"
	}
	var err error
	d.spec, err = fault.Parse(parameters[faultParameter], at)
	return d, err
}

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}
