// Package driver implements the Container Storage Interface (CSI). It checks requests and
// carries them out; package backend makes volumes usable on a node.
package driver

import (
	"context"
	"errors"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/volume-durability/volume-durability/tests/csi/backend"
	"github.com/volume-durability/volume-durability/tests/csi/store"
)

// Name is the name of the driver, and of the provisioner in its storage classes.
const Name = "csi.volume-durability.test"

const version = "test"

// Identity identifies the driver.
type Identity struct {
	csi.UnimplementedIdentityServer
}

// GetPluginInfo returns the driver's name.
func (Identity) GetPluginInfo(context.Context, *csi.GetPluginInfoRequest) (*csi.GetPluginInfoResponse, error) {
	return &csi.GetPluginInfoResponse{Name: Name, VendorVersion: version}, nil
}

// GetPluginCapabilities reports that the driver has a controller.
func (Identity) GetPluginCapabilities(
	context.Context, *csi.GetPluginCapabilitiesRequest,
) (*csi.GetPluginCapabilitiesResponse, error) {
	service := &csi.PluginCapability_Service{Type: csi.PluginCapability_Service_CONTROLLER_SERVICE}
	return &csi.GetPluginCapabilitiesResponse{Capabilities: []*csi.PluginCapability{{
		Type: &csi.PluginCapability_Service_{Service: service},
	}}}, nil
}

// Probe reports that the driver is ready: it waits for nothing.
func (Identity) Probe(context.Context, *csi.ProbeRequest) (*csi.ProbeResponse, error) {
	return &csi.ProbeResponse{Ready: wrapperspb.Bool(true)}, nil
}

// failure returns an error with a gRPC status code.
func failure(err error) error {
	if err == nil {
		return nil
	}
	code := codes.Internal
	for known, its := range map[error]codes.Code{
		store.ErrNotFound: codes.NotFound, store.ErrDifferent: codes.AlreadyExists,
		store.ErrAttached: codes.FailedPrecondition, backend.ErrNotStaged: codes.FailedPrecondition,
	} {
		if errors.Is(err, known) {
			code = its
		}
	}
	return status.Error(code, err.Error())
}

// requireGiven returns an error if a field is empty. A field is its name and its value.
func requireGiven(fields ...[2]string) error {
	for _, f := range fields {
		if f[1] == "" {
			return status.Errorf(codes.InvalidArgument, "%s is missing", f[0])
		}
	}
	return nil
}

// volumeID, stagingPath and targetPath return a field of a request as requireGiven takes it.
func volumeID(r interface{ GetVolumeId() string }) [2]string {
	return [2]string{"the volume's ID", r.GetVolumeId()}
}

func stagingPath(r interface{ GetStagingTargetPath() string }) [2]string {
	return [2]string{"the staging path", r.GetStagingTargetPath()}
}

func targetPath(r interface{ GetTargetPath() string }) [2]string {
	return [2]string{"the target path", r.GetTargetPath()}
}
