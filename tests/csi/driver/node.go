package driver

import (
	"context"
	"errors"
	"sync"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/volume-durability/volume-durability/tests/csi/backend"
	"github.com/volume-durability/volume-durability/tests/csi/store"
)

// Node makes volumes usable on one node.
type Node struct {
	csi.UnimplementedNodeServer
	Store *store.Store
	Host  *backend.Host
	// Name is the node's.
	Name string

	// mu protects busy: the volumes that something is being done to.
	mu   sync.Mutex
	busy map[string]bool
}

// NodeGetCapabilities returns the capabilities of a node.
func (*Node) NodeGetCapabilities(
	context.Context, *csi.NodeGetCapabilitiesRequest,
) (*csi.NodeGetCapabilitiesResponse, error) {
	response := &csi.NodeGetCapabilitiesResponse{}
	for _, c := range []csi.NodeServiceCapability_RPC_Type{
		csi.NodeServiceCapability_RPC_STAGE_UNSTAGE_VOLUME,
		csi.NodeServiceCapability_RPC_SINGLE_NODE_MULTI_WRITER,
	} {
		response.Capabilities = append(response.Capabilities, &csi.NodeServiceCapability{
			Type: &csi.NodeServiceCapability_Rpc{Rpc: &csi.NodeServiceCapability_RPC{Type: c}},
		})
	}
	return response, nil
}

// NodeGetInfo returns the node's name.
func (n *Node) NodeGetInfo(context.Context, *csi.NodeGetInfoRequest) (*csi.NodeGetInfoResponse, error) {
	return &csi.NodeGetInfoResponse{NodeId: n.Name}, nil
}

// NodeStageVolume makes an attached volume usable on the node.
func (n *Node) NodeStageVolume(
	ctx context.Context, r *csi.NodeStageVolumeRequest,
) (*csi.NodeStageVolumeResponse, error) {
	if err := requireGiven(volumeID(r), stagingPath(r)); err != nil {
		return nil, err
	}
	err := n.with(r.GetVolumeId(), r.GetVolumeCapability(), func(v store.Volume) error {
		return n.Host.Stage(ctx, v, r.GetStagingTargetPath(), accessOf(r.GetVolumeCapability()))
	})
	if err != nil {
		return nil, err
	}
	return &csi.NodeStageVolumeResponse{}, nil
}

// NodeUnstageVolume undoes NodeStageVolume.
func (n *Node) NodeUnstageVolume(
	ctx context.Context, r *csi.NodeUnstageVolumeRequest,
) (*csi.NodeUnstageVolumeResponse, error) {
	if err := requireGiven(volumeID(r), stagingPath(r)); err != nil {
		return nil, err
	}
	err := n.undo(r.GetVolumeId(), r.GetStagingTargetPath(), func(v store.Volume) error {
		return n.Host.Unstage(ctx, v, r.GetStagingTargetPath())
	})
	if err != nil {
		return nil, err
	}
	return &csi.NodeUnstageVolumeResponse{}, nil
}

// NodePublishVolume makes a staged volume visible to a pod.
func (n *Node) NodePublishVolume(
	ctx context.Context, r *csi.NodePublishVolumeRequest,
) (*csi.NodePublishVolumeResponse, error) {
	if err := requireGiven(volumeID(r), targetPath(r), stagingPath(r)); err != nil {
		return nil, err
	}
	access := r.GetVolumeCapability()
	err := n.with(r.GetVolumeId(), access, func(v store.Volume) error {
		if err := n.requireOnlyWriter(v, r.GetTargetPath(), access); err != nil {
			return err
		}
		if err := n.Store.Publish(v, n.Name, r.GetTargetPath()); err != nil {
			return err
		}
		return n.Host.Publish(ctx, v, r.GetStagingTargetPath(), r.GetTargetPath(), accessOf(access), r.GetReadonly())
	})
	if err != nil {
		return nil, err
	}
	return &csi.NodePublishVolumeResponse{}, nil
}

func (n *Node) requireOnlyWriter(v store.Volume, path string, access *csi.VolumeCapability) error {
	if access.GetAccessMode().GetMode() != csi.VolumeCapability_AccessMode_SINGLE_NODE_SINGLE_WRITER {
		return nil
	}
	elsewhere, err := n.Store.PublishedElsewhere(v, n.Name, path)
	if err == nil && elsewhere {
		err = status.Errorf(codes.FailedPrecondition, "volume %s allows one writer and has one already", v.ID)
	}
	return err
}

// NodeUnpublishVolume undoes NodePublishVolume.
func (n *Node) NodeUnpublishVolume(
	_ context.Context, r *csi.NodeUnpublishVolumeRequest,
) (*csi.NodeUnpublishVolumeResponse, error) {
	if err := requireGiven(volumeID(r), targetPath(r)); err != nil {
		return nil, err
	}
	err := n.undo(r.GetVolumeId(), r.GetTargetPath(), func(v store.Volume) error {
		if err := n.Host.Unpublish(r.GetTargetPath()); err != nil {
			return err
		}
		return n.Store.Unpublish(v, n.Name, r.GetTargetPath())
	})
	if err != nil {
		return nil, err
	}
	return &csi.NodeUnpublishVolumeResponse{}, nil
}

// with calls do if the volume is attached to this node and supports the access.
func (n *Node) with(id string, access *csi.VolumeCapability, do func(store.Volume) error) error {
	if access == nil {
		return status.Error(codes.InvalidArgument, "the volume capability is missing")
	}
	return n.alone(id, func(v store.Volume) error {
		kind, err := backend.Find(v.Backend)
		if err != nil {
			return err
		}
		if err := requireAccess(kind, access); err != nil {
			return err
		}
		attached, err := n.Store.IsAttached(v, n.Name)
		if err == nil && !attached {
			err = status.Errorf(codes.FailedPrecondition, "volume %s is not attached to %s", id, n.Name)
		}
		if err != nil {
			return err
		}
		return do(v)
	})
}

// undo calls do with a volume. A volume that was detached by force may have been deleted:
// then only the path is unmounted.
func (n *Node) undo(id, path string, do func(store.Volume) error) error {
	if _, err := n.Store.Get(id); errors.Is(err, store.ErrNotFound) {
		return failure(n.Host.Forget(path))
	}
	return n.alone(id, do)
}

// alone calls do with a volume, one call at a time. A request that arrives meanwhile is
// aborted, and the caller repeats it.
func (n *Node) alone(id string, do func(store.Volume) error) error {
	v, err := n.Store.Get(id)
	if err != nil {
		return failure(err)
	}
	if !n.begin(id) {
		return status.Errorf(codes.Aborted, "another operation on volume %s is running", id)
	}
	defer n.end(id)
	err = do(v)
	if _, isStatus := status.FromError(err); isStatus {
		return err
	}
	return failure(err)
}

func (n *Node) begin(id string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.busy[id] {
		return false
	}
	if n.busy == nil {
		n.busy = map[string]bool{}
	}
	n.busy[id] = true
	return true
}

func (n *Node) end(id string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.busy, id)
}
