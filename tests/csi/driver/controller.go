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

// Controller makes volumes, and decides on which node they are.
type Controller struct {
	csi.UnimplementedControllerServer
	Store *store.Store
	// Nodes are those that there are.
	Nodes []string
	// Gluster keeps the volumes of one kind.
	Gluster backend.Gluster
}

// defaultBytes is the size of a volume of which none was asked for.
const defaultBytes = 1 << 30

// ControllerGetCapabilities says what a controller can be asked.
func (*Controller) ControllerGetCapabilities(context.Context, *csi.ControllerGetCapabilitiesRequest) (*csi.ControllerGetCapabilitiesResponse, error) {
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

// CreateVolume makes a volume. Nothing is written for it yet, but in GlusterFS, which
// shows a node only a folder that is there.
func (c *Controller) CreateVolume(_ context.Context, r *csi.CreateVolumeRequest) (*csi.CreateVolumeResponse, error) {
	if err := requireGiven([2]string{"the name", r.GetName()}); err != nil {
		return nil, err
	}
	if len(r.GetVolumeCapabilities()) == 0 {
		return nil, status.Error(codes.InvalidArgument, "volume capabilities are missing")
	}
	if r.GetVolumeContentSource() != nil {
		return nil, status.Error(codes.InvalidArgument, "a volume cannot be made of another one or of a snapshot")
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
	v, err := c.Store.Create(store.Volume{Name: r.GetName(), Backend: kind.Name, Bytes: bytes, Parameters: r.GetParameters()})
	if err != nil {
		return nil, failure(err)
	}
	if v.Backend == backend.Glustered {
		if err := c.Gluster.Make(v); err != nil {
			return nil, failure(err)
		}
	}
	return &csi.CreateVolumeResponse{Volume: &csi.Volume{VolumeId: v.ID, CapacityBytes: v.Bytes, VolumeContext: v.Parameters}}, nil
}

// size is that of a volume, in whole sectors, within what was asked for.
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
		return 0, status.Errorf(codes.OutOfRange, "a volume of backend %s has %d bytes at least, in multiples of %d: the limit is %d", kind.Name, kind.Smallest, sector, limit)
	}
	return bytes, nil
}

// DeleteVolume removes a volume that is attached nowhere.
func (c *Controller) DeleteVolume(_ context.Context, r *csi.DeleteVolumeRequest) (*csi.DeleteVolumeResponse, error) {
	if err := requireGiven([2]string{"the volume's ID", r.GetVolumeId()}); err != nil {
		return nil, err
	}
	if err := c.Store.Delete(r.GetVolumeId(), c.discard); err != nil {
		return nil, failure(err)
	}
	return &csi.DeleteVolumeResponse{}, nil
}

// discard removes what a volume has beside its folder.
func (c *Controller) discard(v store.Volume) error {
	if v.Backend != backend.Glustered {
		return nil
	}
	return c.Gluster.Remove(v)
}

// ControllerPublishVolume attaches a volume to a node.
func (c *Controller) ControllerPublishVolume(_ context.Context, r *csi.ControllerPublishVolumeRequest) (*csi.ControllerPublishVolumeResponse, error) {
	if err := requireGiven([2]string{"the volume's ID", r.GetVolumeId()}, [2]string{"the node's ID", r.GetNodeId()}); err != nil {
		return nil, err
	}
	kind, err := c.kind(r.GetVolumeId(), r.GetVolumeCapability())
	if err != nil {
		return nil, err
	}
	if !slices.Contains(c.Nodes, r.GetNodeId()) {
		return nil, status.Errorf(codes.NotFound, "there is no node %s", r.GetNodeId())
	}
	if err := c.Store.Attach(r.GetVolumeId(), r.GetNodeId(), store.Attachment{ReadOnly: r.GetReadonly()}, kind.Shared); err != nil {
		return nil, failure(err)
	}
	return &csi.ControllerPublishVolumeResponse{}, nil
}

// kind is that of a volume that is to be accessed.
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
func (c *Controller) ControllerUnpublishVolume(_ context.Context, r *csi.ControllerUnpublishVolumeRequest) (*csi.ControllerUnpublishVolumeResponse, error) {
	if err := requireGiven([2]string{"the volume's ID", r.GetVolumeId()}); err != nil {
		return nil, err
	}
	if err := c.Store.Detach(r.GetVolumeId(), r.GetNodeId()); err != nil {
		return nil, failure(err)
	}
	return &csi.ControllerUnpublishVolumeResponse{}, nil
}

// ValidateVolumeCapabilities says whether a volume can be accessed in certain ways.
func (c *Controller) ValidateVolumeCapabilities(_ context.Context, r *csi.ValidateVolumeCapabilitiesRequest) (*csi.ValidateVolumeCapabilitiesResponse, error) {
	if err := requireGiven([2]string{"the volume's ID", r.GetVolumeId()}); err != nil {
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
