// Package driver is the storage driver's side of the Container Storage Interface
// (CSI): what is asked of it, checked and carried out. How a volume becomes usable
// is the backends' matter.
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

// Name is the driver's, and that of the provisioner in its storage classes.
const Name = "csi.volume-durability.test"

const version = "test"

// Identity says who the driver is.
type Identity struct {
	csi.UnimplementedIdentityServer
}

// GetPluginInfo says the driver's name.
func (Identity) GetPluginInfo(context.Context, *csi.GetPluginInfoRequest) (*csi.GetPluginInfoResponse, error) {
	return &csi.GetPluginInfoResponse{Name: Name, VendorVersion: version}, nil
}

// GetPluginCapabilities says that there is a controller.
func (Identity) GetPluginCapabilities(context.Context, *csi.GetPluginCapabilitiesRequest) (*csi.GetPluginCapabilitiesResponse, error) {
	return &csi.GetPluginCapabilitiesResponse{Capabilities: []*csi.PluginCapability{{
		Type: &csi.PluginCapability_Service_{Service: &csi.PluginCapability_Service{Type: csi.PluginCapability_Service_CONTROLLER_SERVICE}},
	}}}, nil
}

// Probe says that the driver is ready: there is nothing that it would wait for.
func (Identity) Probe(context.Context, *csi.ProbeRequest) (*csi.ProbeResponse, error) {
	return &csi.ProbeResponse{Ready: wrapperspb.Bool(true)}, nil
}

// failure is an error in the protocol's words.
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

// requireGiven refuses a request that lacks a field; fields go by name and value.
func requireGiven(fields ...[2]string) error {
	for _, f := range fields {
		if f[1] == "" {
			return status.Errorf(codes.InvalidArgument, "%s is missing", f[0])
		}
	}
	return nil
}
