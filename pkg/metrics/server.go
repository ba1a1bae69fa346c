package metrics

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/volume-durability/volume-durability/pkg/report/openmetrics"
)

// Path is the path at which a Server serves the metrics.
const Path = "/metrics"

// requestTimeout limits how long a client may take for a request.
const requestTimeout = 10 * time.Second

// Server serves the figures of a run over HTTP.
type Server struct {
	// Address is the address on which the server listens.
	Address net.Addr

	http *http.Server
	done chan error
}

// Serve starts a server. The caller must close it.
func Serve(ctx context.Context, address string, text func() []byte) (*Server, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening on %s for metrics: %w", address, err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+Path, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", openmetrics.ContentType)
		_, _ = w.Write(text()) // the client may be gone
	})
	s := &Server{
		Address: listener.Addr(), done: make(chan error, 1),
		http: &http.Server{Handler: mux, ReadTimeout: requestTimeout, WriteTimeout: requestTimeout},
	}
	go func() { s.done <- s.http.Serve(listener) }()
	return s, nil
}

// Close ends the server.
func (s *Server) Close() error {
	err := s.http.Close()
	if served := <-s.done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
