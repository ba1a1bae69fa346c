package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/volume-durability/volume-durability/tests/cluster/registry"
)

// serveImage serves an image from a tar file on loopback until the context ends. It prints
// the address of the registry.
func (c *cluster) serveImage(ctx context.Context, ref, file string, login registry.Login) error {
	handler, err := registry.Handler(file, ref, login)
	if err != nil {
		return err
	}
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
