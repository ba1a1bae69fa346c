package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"github.com/volume-durability/volume-durability/tests/cluster/layout"
	"github.com/volume-durability/volume-durability/tests/cluster/node"
	"github.com/volume-durability/volume-durability/tests/cluster/pki"
)

// trusted is the suffix of a kubelet's own serving certificate and key while another one is
// in their place.
const trusted = ".trusted"

// distrust restarts a node's kubelet with a serving certificate that the API server does not
// trust. The node stays ready, but the API server can read no log from it. trust undoes it.
func (c *cluster) distrust(ctx context.Context, name string) error {
	n, pair, err := servingPair(name)
	if err != nil {
		return err
	}
	for _, file := range []string{pair.Cert, pair.Key} {
		if err := os.Rename(file, file+trusted); err != nil {
			return err
		}
	}
	dir, err := os.MkdirTemp("", "untrusted-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	authority, err := pki.NewAuthority(dir, "untrusted")
	if err != nil {
		return err
	}
	other, err := authority.Server("serving", []string{n.Name}, n.IP.String())
	if err != nil {
		return err
	}
	err = errors.Join(copyFile(other.Cert, pair.Cert), copyFile(other.Key, pair.Key))
	if err != nil {
		return err
	}
	return c.restartKubelet(ctx, n)
}

// trust restarts a node's kubelet with its own serving certificate.
func (c *cluster) trust(ctx context.Context, name string) error {
	n, pair, err := servingPair(name)
	if err != nil {
		return err
	}
	for _, file := range []string{pair.Cert, pair.Key} {
		if err := os.Rename(file+trusted, file); err != nil {
			return err
		}
	}
	return c.restartOne(ctx, node.KubeletName(n))
}

func servingPair(name string) (layout.Node, pki.Pair, error) {
	for _, n := range layout.Nodes() {
		if n.Name == name {
			file := filepath.Join(layout.PKI, "kubelet-"+n.Name+"-serving")
			return n, pki.Pair{Cert: file + ".crt", Key: file + ".key"}, nil
		}
	}
	return layout.Node{}, pki.Pair{}, fmt.Errorf("no node %s", name)
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o600)
}

// restartKubelet restarts a kubelet and waits until the kubelet itself reports that it is
// healthy. startOne asks through the API server.
func (c *cluster) restartKubelet(ctx context.Context, n layout.Node) error {
	name := node.KubeletName(n)
	if err := c.stopOne(ctx, name); err != nil {
		return err
	}
	r, err := processes.Load(name)
	if err != nil {
		return err
	}
	tooLate := fmt.Errorf("%s was not healthy within %s", name, repairTimeout)
	ctx, cancel := context.WithTimeoutCause(ctx, repairTimeout, tooLate)
	defer cancel()
	if err := inTurn(ctx, name, func() error { _, err := processes.Restart(r); return err }); err != nil {
		return err
	}
	return await(ctx, name+" to be healthy", func(ctx context.Context) error {
		url := fmt.Sprintf("http://127.0.0.1:%d/healthz", n.HealthPort)
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		defer func() { _ = answer.Body.Close() }()
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", url, answer.Status)
		}
		return nil
	}, name)
}
