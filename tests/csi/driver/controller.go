package driver

import (
	"context"
	"slices"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/volume-durability/volume-durability/tests/csi/backend"
	"github.com/volume-durability/volume-durability/tests/csi/store"
)

// Controller creates volumes and attaches them to nodes.
type Controller struct {
	csi.UnimplementedControllerServer
	Store *store.Store
	// Nodes are the names of the nodes.
	Nodes []string
	// Gluster keeps the volumes of one kind.
	Gluster backend.Gluster
}

// defaultBytes is the size of a volume if none was requested.
const defaultBytes = 1 << 30

// ControllerGetCapabilities returns the capabilities of the controller.
func (*Controller) ControllerGetCapabilities(
	context.Context, *csi.ControllerGetCapabilitiesRequest,
) (*csi.ControllerGetCapabilitiesResponse, error) {
	response := &csi.ControllerGetCapabilitiesResponse{}
	for _, c := range []csi.ControllerServiceCapability_RPC_Type{
		csi.ControllerServiceCapability_RPC_CREATE_DELETE_VOLUME,
		csi.ControllerServiceCapability_RPC_PUBLISH_UNPUBLISH_VOLUME,
		csi.ControllerServiceCapability_RPC_SINGLE_NODE_MULTI_WRITER,
	} {
		response.Capabilities = append(response.Capabilities, &csi.ControllerServiceCapability{
			Type: &csi.ControllerServiceCapability_Rpc{Rpc: &csi.ControllerServiceCapability_RPC{Type: c}},
		})
	}
	return response, nil
}

// CreateVolume creates a volume. Its storage is made when it is staged, except in GlusterFS,
// where a node can mount only a folder that exists.
func (c *Controller) CreateVolume(ctx context.Context, r *csi.CreateVolumeRequest) (*csi.CreateVolumeResponse, error) {
	if err := requireGiven([2]string{"the name", r.GetName()}); err != nil {
		return nil, err
	}
	if len(r.GetVolumeCapabilities()) == 0 {
		return nil, status.Error(codes.InvalidArgument, "volume capabilities are missing")
	}
	if r.GetVolumeContentSource() != nil {
		return nil, status.Error(codes.InvalidArgument, "a volume cannot be created from another one or from a snapshot")
	}
	kind, err := backend.Parse(r.GetParameters())
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	if err := requireAccess(kind, r.GetVolumeCapabilities()...); err != nil {
		return nil, err
	}
	bytes, err := size(kind, r.GetCapacityRange())
	if err != nil {
		return nil, err
	}
	v, err := c.Store.Create(store.Volume{
		Name: r.GetName(), Backend: kind.Name, Bytes: bytes, Parameters: r.GetParameters(),
	})
	if err != nil {
		return nil, failure(err)
	}
	if v.Backend == backend.Glustered {
		if err := c.Gluster.Make(ctx, v); err != nil {
			return nil, failure(err)
		}
	}
	created := &csi.Volume{VolumeId: v.ID, CapacityBytes: v.Bytes, VolumeContext: v.Parameters}
	return &csi.CreateVolumeResponse{Volume: created}, nil
}

// size returns the size of a volume in whole sectors, within the requested range.
func size(kind backend.Kind, asked *csi.CapacityRange) (int64, error) {
	const sector = 4096
	bytes := asked.GetRequiredBytes()
	if bytes == 0 {
		bytes = defaultBytes
		if limit := asked.GetLimitBytes(); limit != 0 {
			bytes = min(bytes, limit/sector*sector)
		}
	}
	bytes = max((bytes+sector-1)/sector*sector, kind.Smallest)
	if limit := asked.GetLimitBytes(); limit != 0 && bytes > limit {
		return 0, status.Errorf(codes.OutOfRange, "a volume of backend %s has at least %d bytes, in multiples of %d, and the limit is %d",
			kind.Name, kind.Smallest, sector, limit)
	}
	return bytes, nil
}

// DeleteVolume removes a volume that is attached nowhere.
func (c *Controller) DeleteVolume(ctx context.Context, r *csi.DeleteVolumeRequest) (*csi.DeleteVolumeResponse, error) {
	if err := requireGiven(volumeID(r)); err != nil {
		return nil, err
	}
	discard := func(v store.Volume) error { return c.discard(ctx, v) }
	if err := c.Store.Delete(r.GetVolumeId(), discard); err != nil {
		return nil, failure(err)
	}
	return &csi.DeleteVolumeResponse{}, nil
}

// discard removes the data that a volume has outside of its folder.
func (c *Controller) discard(ctx context.Context, v store.Volume) error {
	if v.Backend != backend.Glustered {
		return nil
	}
	return c.Gluster.Remove(ctx, v)
}

// ControllerPublishVolume attaches a volume to a node.
func (c *Controller) ControllerPublishVolume(
	_ context.Context, r *csi.ControllerPublishVolumeRequest,
) (*csi.ControllerPublishVolumeResponse, error) {
	if err := requireGiven(volumeID(r), [2]string{"the node's ID", r.GetNodeId()}); err != nil {
		return nil, err
	}
	kind, err := c.kind(r.GetVolumeId(), r.GetVolumeCapability())
	if err != nil {
		return nil, err
	}
	if !slices.Contains(c.Nodes, r.GetNodeId()) {
		return nil, status.Errorf(codes.NotFound, "there is no node %s", r.GetNodeId())
	}
	attachment := store.Attachment{ReadOnly: r.GetReadonly()}
	if err := c.Store.Attach(r.GetVolumeId(), r.GetNodeId(), attachment, kind.Shared); err != nil {
		return nil, failure(err)
	}
	return &csi.ControllerPublishVolumeResponse{}, nil
}

// kind returns the kind of a volume, and an error if the volume does not support the access.
func (c *Controller) kind(id string, access *csi.VolumeCapability) (backend.Kind, error) {
	if access == nil {
		return backend.Kind{}, status.Error(codes.InvalidArgument, "the volume capability is missing")
	}
	v, err := c.Store.Get(id)
	if err != nil {
		return backend.Kind{}, failure(err)
	}
	kind, err := backend.Find(v.Backend)
	if err != nil {
		return kind, failure(err)
	}
	return kind, requireAccess(kind, access)
}

// ControllerUnpublishVolume detaches a volume from a node, or from all.
func (c *Controller) ControllerUnpublishVolume(
	_ context.Context, r *csi.ControllerUnpublishVolumeRequest,
) (*csi.ControllerUnpublishVolumeResponse, error) {
	if err := requireGiven(volumeID(r)); err != nil {
		return nil, err
	}
	if err := c.Store.Detach(r.GetVolumeId(), r.GetNodeId()); err != nil {
		return nil, failure(err)
	}
	return &csi.ControllerUnpublishVolumeResponse{}, nil
}

// ValidateVolumeCapabilities reports whether a volume can be accessed in certain ways.
func (c *Controller) ValidateVolumeCapabilities(
	_ context.Context, r *csi.ValidateVolumeCapabilitiesRequest,
) (*csi.ValidateVolumeCapabilitiesResponse, error) {
	if err := requireGiven(volumeID(r)); err != nil {
		return nil, err
	}
	if len(r.GetVolumeCapabilities()) == 0 {
		return nil, status.Error(codes.InvalidArgument, "volume capabilities are missing")
	}
	v, err := c.Store.Get(r.GetVolumeId())
	if err != nil {
		return nil, failure(err)
	}
	kind, err := backend.Find(v.Backend)
	if err != nil {
		return nil, failure(err)
	}
	if err := requireAccess(kind, r.GetVolumeCapabilities()...); err != nil {
		return &csi.ValidateVolumeCapabilitiesResponse{Message: status.Convert(err).Message()}, nil
	}
	return &csi.ValidateVolumeCapabilitiesResponse{Confirmed: &csi.ValidateVolumeCapabilitiesResponse_Confirmed{
		VolumeContext: r.GetVolumeContext(), VolumeCapabilities: r.GetVolumeCapabilities(), Parameters: r.GetParameters(),
	}}, nil
}
