package driver

import (
	"context"

	"github.com/sirupsen/logrus"
	registration "k8s.io/kubelet/pkg/apis/pluginregistration/v1"
)

// Registration registers the driver with a node's kubelet, which finds it by a socket
// in the folder of its plugins.
type Registration struct {
	registration.UnimplementedRegistrationServer
	// Socket is the socket of the driver.
	Socket string
	Log    logrus.FieldLogger
}

// GetInfo returns the driver's name and socket.
func (r *Registration) GetInfo(context.Context, *registration.InfoRequest) (*registration.PluginInfo, error) {
	return &registration.PluginInfo{
		Type: registration.CSIPlugin, Name: Name, Endpoint: r.Socket, SupportedVersions: []string{"1.0.0"},
	}, nil
}

// NotifyRegistrationStatus logs whether the kubelet has registered the driver.
func (r *Registration) NotifyRegistrationStatus(
	_ context.Context, status *registration.RegistrationStatus,
) (*registration.RegistrationStatusResponse, error) {
	if status.GetPluginRegistered() {
		r.Log.Info("The kubelet has registered the driver")
	} else {
		r.Log.WithField("reason", status.GetError()).Error("The kubelet has not registered the driver")
	}
	return &registration.RegistrationStatusResponse{}, nil
}
