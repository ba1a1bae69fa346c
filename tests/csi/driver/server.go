package driver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	registration "k8s.io/kubelet/pkg/apis/pluginregistration/v1"
)

// Services are the services of a socket. Those that are nil are not served.
type Services struct {
	Controller csi.ControllerServer
	Node       csi.NodeServer
	// Registration registers the driver with a kubelet.
	Registration registration.RegistrationServer
}

// Serve serves the services of each socket until the context ends.
func Serve(ctx context.Context, log logrus.FieldLogger, sockets map[string]Services) error {
	group, ctx := errgroup.WithContext(ctx)
	for socket, services := range sockets {
		group.Go(func() error { return serve(ctx, log, socket, services) })
	}
	return group.Wait()
}

func serve(ctx context.Context, log logrus.FieldLogger, socket string, services Services) error {
	if err := os.MkdirAll(filepath.Dir(socket), 0o750); err != nil {
		return err
	}
	// An earlier process may have left its socket.
	if err := os.Remove(socket); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return fmt.Errorf("listening on %s: %w", socket, err)
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(logRequests(log)))
	if services.Registration != nil {
		registration.RegisterRegistrationServer(server, services.Registration)
	} else {
		csi.RegisterIdentityServer(server, Identity{})
	}
	if services.Controller != nil {
		csi.RegisterControllerServer(server, services.Controller)
	}
	if services.Node != nil {
		csi.RegisterNodeServer(server, services.Node)
	}
	stop := context.AfterFunc(ctx, server.GracefulStop)
	defer stop()
	if err := server.Serve(listener); err != nil {
		return fmt.Errorf("serving %s: %w", socket, err)
	}
	return nil
}

// logRequests logs requests and the errors of their answers. It omits successful requests
// that name no volume, because they are frequent.
func logRequests(log logrus.FieldLogger) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
		response, err := handle(ctx, request)
		entry := log.WithField("method", info.FullMethod)
		if volume, ok := request.(interface{ GetVolumeId() string }); ok {
			entry = entry.WithField("volume", volume.GetVolumeId())
		} else if err == nil {
			return response, nil
		}
		if err != nil {
			entry.WithError(err).Warn("Request failed")
		} else {
			entry.Info("Request done")
		}
		return response, err
	}
}
