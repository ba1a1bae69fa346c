// Package backend implements the kinds of storage of the driver: how a volume of each
// kind is made usable on a node. It does not depend on Kubernetes or on CSI.
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
	// Filesystem is the type of the filesystem on the volume's device, and Mkfs the command that makes it. Without them
	// there is none.
	Filesystem string
	Mkfs       []string
	// Device reports whether a volume is on a block device, Block whether pods can use the
	// device itself, and Shared whether several nodes may use a volume at once.
	Device, Block, Shared bool
	// Smallest is the minimal size of a volume in bytes.
	Smallest int64
}

const mebibyte = 1 << 20

// The kinds that do not put a filesystem on a device.
const (
	tmpfs   = "tmpfs"
	shared  = "shared"
	faulty  = "faulty"
	overlay = "overlay"
	// Glustered is a folder of a GlusterFS volume.
	Glustered = "gluster"
	// NFS is a folder that an NFS server exports.
	NFS = "nfs"
	// FUSE is a folder under a FUSE filesystem, whose daemon is a process of its own.
	FUSE = "fuse"
	// ISCSI is the device of an iSCSI target, with an ext4.
	ISCSI = "iscsi"
	// DRBD is the device of a DRBD resource of the node, with an ext4.
	DRBD = "drbd"
)

// Commands that make a filesystem on a device.
var (
	mkfsExt4  = []string{"mkfs.ext4", "-q", "-F"}
	mkfsXFS   = []string{"mkfs.xfs", "-q", "-f"}
	mkfsBtrfs = []string{"mkfs.btrfs", "-q", "-f"}
)

// Kinds is every kind.
func Kinds() []Kind {
	return []Kind{
		{Name: "ext4", Filesystem: "ext4", Mkfs: mkfsExt4, Device: true, Block: true, Smallest: 16 * mebibyte},
		{Name: "xfs", Filesystem: "xfs", Mkfs: mkfsXFS, Device: true, Block: true, Smallest: 300 * mebibyte},
		{Name: "btrfs", Filesystem: "btrfs", Mkfs: mkfsBtrfs, Device: true, Block: true, Smallest: 128 * mebibyte},
		{Name: "block", Device: true, Block: true, Smallest: mebibyte},
		{Name: tmpfs, Smallest: mebibyte},
		{Name: overlay, Smallest: mebibyte},
		{Name: shared, Shared: true, Smallest: mebibyte},
		{Name: Glustered, Shared: true, Smallest: mebibyte},
		{Name: NFS, Shared: true, Smallest: mebibyte},
		{Name: FUSE, Smallest: mebibyte},
		{Name: ISCSI, Filesystem: "ext4", Mkfs: mkfsExt4, Device: true, Smallest: 16 * mebibyte},
		{Name: DRBD, Filesystem: "ext4", Mkfs: mkfsExt4, Device: true, Smallest: 16 * mebibyte},
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

// HasFilesystem reports whether a volume can be mounted.
func (k Kind) HasFilesystem() bool { return !k.Device || k.Mkfs != nil }

// FSType returns the type of the filesystem that a volume has when it is mounted.
func (k Kind) FSType() string { return or(k.Filesystem, k.Name) }

// NeedsMachines reports whether the storage needs other machines, and a node whose kernel can use them.
func (k Kind) NeedsMachines() bool { return len(k.required()) > 0 }

// required returns the parameters that a storage class must have.
func (k Kind) required() []string {
	isOptional := func(name string) bool { return requiredParameters[name] == "" }
	return slices.DeleteFunc(slices.Clone(ownParameters[k.Name]), isOptional)
}

// Parameters of a storage class.
const (
	BackendParameter = "backend"
	faultParameter   = "fault"
	atParameter      = "at"
	fileParameter    = "file"
	serverParameter  = "server"
	exportParameter  = "export"
	// resourceParameter names the resource of a volume of the kind DRBD.
	resourceParameter = "resource"
	// ProgramParameter names the program that serves a volume of the kind FUSE. RemountParameter is false for a driver
	// that does not mount such a volume again after its daemon has died.
	ProgramParameter = "program"
	RemountParameter = "remount"
)

// ownParameters are the parameters that only one kind has.
var ownParameters = map[string][]string{
	faulty: {faultParameter, atParameter, fileParameter},
	NFS:    {serverParameter, exportParameter},
	FUSE:   {ProgramParameter, RemountParameter},
	ISCSI:  {serverParameter},
	DRBD:   {resourceParameter},
}

// requiredParameters are parameters that a class must have if its kind has them, with what they are.
var requiredParameters = map[string]string{
	serverParameter:   "the address of a server",
	resourceParameter: "the name of a resource",
}

// Parse reads the parameters of a storage class. Its error contains every mistake.
func Parse(parameters map[string]string) (Kind, error) {
	kind, err := Find(parameters[BackendParameter])
	if err != nil {
		return kind, err
	}
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		if name != BackendParameter && !slices.Contains(ownParameters[kind.Name], name) {
			problems = append(problems, fmt.Errorf("parameter %q: backend %s has none of that name", name, kind.Name))
		}
	}
	if kind.Name == faulty {
		_, err := damageOf(parameters)
		problems = append(problems, err)
	}
	if kind.Name == FUSE {
		problems = append(problems, checkFUSE(parameters))
	}
	for _, name := range kind.required() {
		if parameters[name] == "" {
			err := fmt.Errorf("parameter %q: backend %s needs %s", name, kind.Name, requiredParameters[name])
			problems = append(problems, err)
		}
	}
	return kind, errors.Join(problems...)
}

// unstage is a moment that faultfs itself does not know: the volume is unstaged, since
// no pod on this node uses it.
const unstage = "unstage"

// damage describes the fault of a faulty volume.
type damage struct {
	spec fault.Spec
	file string
	// atUnstage reports whether the fault takes effect when the volume is unstaged.
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
