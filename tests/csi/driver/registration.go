package driver

import (
	"context"

	"github.com/sirupsen/logrus"
	registration "k8s.io/kubelet/pkg/apis/pluginregistration/v1"
)

// Registration introduces the driver to a node's kubelet, which finds it by a
// socket in the folder of its plugins.
type Registration struct {
	registration.UnimplementedRegistrationServer
	// Socket is where the kubelet is to ask the driver.
	Socket string
	Log    logrus.FieldLogger
}

// GetInfo says where the driver is.
func (r *Registration) GetInfo(context.Context, *registration.InfoRequest) (*registration.PluginInfo, error) {
	return &registration.PluginInfo{Type: registration.CSIPlugin, Name: Name, Endpoint: r.Socket, SupportedVersions: []string{"1.0.0"}}, nil
}

// NotifyRegistrationStatus is told whether the kubelet takes the driver.
func (r *Registration) NotifyRegistrationStatus(_ context.Context, status *registration.RegistrationStatus) (*registration.RegistrationStatusResponse, error) {
	if status.GetPluginRegistered() {
		r.Log.Info("The kubelet has taken the driver")
	} else {
		r.Log.WithField("reason", status.GetError()).Error("The kubelet has not taken the driver")
	}
	return &registration.RegistrationStatusResponse{}, nil
}
