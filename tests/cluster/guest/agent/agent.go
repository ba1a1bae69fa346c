// Package agent runs commands in a guest for its operator. Both sides present a certificate
// of the cluster's authority, because pods can reach the agent too.
package agent

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"
)

// User is the name in the certificate of the operator.
const User = "machine-operator"

// Port is the port of every agent.
const Port = 10251

// request is a command to run.
type request struct {
	Args []string `json:"args"`
}

// answer is what a command did.
type answer struct {
	Code   int    `json:"code"`
	Output string `json:"output"`
}

// Serve serves until the context ends.
func Serve(ctx context.Context, address, certFile, keyFile, caFile string) error {
	pool, err := poolOf(caFile)
	if err != nil {
		return err
	}
	server := &http.Server{
		Addr: address, Handler: http.HandlerFunc(handle), ReadHeaderTimeout: time.Minute,
		TLSConfig: &tls.Config{
			MinVersion: tls.VersionTLS13, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool,
			VerifyConnection: onlyOperator,
		},
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.ListenAndServeTLS(certFile, keyFile); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// onlyOperator rejects the other clients that have a certificate of the authority, such as
// kubelets.
func onlyOperator(state tls.ConnectionState) error {
	if user := state.PeerCertificates[0].Subject.CommonName; user != User {
		return fmt.Errorf("user %q may not run commands", user)
	}
	return nil
}

func handle(w http.ResponseWriter, r *http.Request) {
	var asked request
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || len(asked.Args) == 0 {
		http.Error(w, "want a command", http.StatusBadRequest)
		return
	}
	result, err := run(r.Context(), asked.Args)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_ = json.NewEncoder(w).Encode(result) // the client has gone
}

func run(ctx context.Context, args []string) (answer, error) {
	output, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return answer{Code: failed.ExitCode(), Output: string(output)}, nil
	}
	return answer{Output: string(output)}, err
}

// Client runs commands in a guest.
type Client struct {
	url  string
	http *http.Client
}

// NewClient returns a client of the agent at an address.
func NewClient(address, certFile, keyFile, caFile string) (*Client, error) {
	pool, err := poolOf(caFile)
	if err != nil {
		return nil, err
	}
	own, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: pool, Certificates: []tls.Certificate{own}}
	// Each request has a connection of its own: a guest that was cut answers on none of the old ones.
	transport := &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}
	return &Client{url: "https://" + address, http: &http.Client{Transport: transport}}, nil
}

// Run runs a command and returns its output. A command that fails is an error.
func (c *Client) Run(ctx context.Context, args ...string) (string, error) {
	body, err := json.Marshal(request{Args: args})
	if err != nil {
		return "", err
	}
	asked, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	reply, err := c.http.Do(asked)
	if err != nil {
		return "", err
	}
	content, err := io.ReadAll(reply.Body)
	if err = errors.Join(err, reply.Body.Close()); err != nil {
		return "", err
	}
	if reply.StatusCode != http.StatusOK {
		return "", fmt.Errorf("running %s: %s", strings.Join(args, " "), bytes.TrimSpace(content))
	}
	var result answer
	if err := json.Unmarshal(content, &result); err != nil {
		return "", err
	}
	if result.Code != 0 {
		return result.Output, fmt.Errorf("running %s: exit status %d: %s",
			strings.Join(args, " "), result.Code, strings.TrimSpace(result.Output))
	}
	return result.Output, nil
}

func poolOf(file string) (*x509.CertPool, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(content) {
		return nil, fmt.Errorf("%s holds no certificate", file)
	}
	return pool, nil
}
