package driver

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/container-storage-interface/spec/lib/go/csi"

	"github.com/volume-durability/volume-durability/tests/csi/backend"
)

// requireAccess returns an error if a kind of storage does not support an access.
func requireAccess(kind backend.Kind, capabilities ...*csi.VolumeCapability) error {
	if len(capabilities) == 0 {
		return status.Error(codes.InvalidArgument, "volume capabilities are missing")
	}
	for _, c := range capabilities {
		if err := requireOne(kind, c); err != nil {
			return err
		}
	}
	return nil
}

func requireOne(kind backend.Kind, c *csi.VolumeCapability) error {
	switch mode := c.GetAccessMode().GetMode(); mode {
	case csi.VolumeCapability_AccessMode_SINGLE_NODE_WRITER,
		csi.VolumeCapability_AccessMode_SINGLE_NODE_SINGLE_WRITER,
		csi.VolumeCapability_AccessMode_SINGLE_NODE_MULTI_WRITER:
	case csi.VolumeCapability_AccessMode_MULTI_NODE_MULTI_WRITER:
		if !kind.Shared {
			return status.Errorf(codes.InvalidArgument,
				"access mode %s: backend %s is used on one node at a time", mode, kind.Name)
		}
	default:
		return status.Errorf(codes.InvalidArgument, "access mode %s: no backend has it", mode)
	}
	switch {
	case c.GetBlock() != nil && !kind.Block:
		return status.Errorf(codes.InvalidArgument, "volume mode Block: backend %s has no block device", kind.Name)
	case c.GetMount() != nil && !kind.HasFilesystem():
		return status.Errorf(codes.InvalidArgument,
			"volume mode Filesystem: backend %s is a block device without one", kind.Name)
	case c.GetBlock() == nil && c.GetMount() == nil:
		return status.Error(codes.InvalidArgument, "the volume capability asks for neither a block device nor a mount")
	}
	if wanted := c.GetMount().GetFsType(); wanted != "" && wanted != kind.FSType() {
		return status.Errorf(codes.InvalidArgument, "filesystem %s: backend %s has another", wanted, kind.Name)
	}
	return nil
}

func accessOf(c *csi.VolumeCapability) backend.Access {
	return backend.Access{Block: c.GetBlock() != nil, Options: c.GetMount().GetMountFlags()}
}
