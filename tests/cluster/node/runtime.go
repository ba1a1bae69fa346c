package node

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"k8s.io/apimachinery/pkg/util/wait"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/volume-durability/volume-durability/tests/cluster/layout"
)

// AwaitContainerd returns once a node's containerd answers.
func AwaitContainerd(ctx context.Context, n layout.Node) error {
	var last error
	err := wait.PollUntilContextCancel(ctx, 100*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		last = RuntimeReady(ctx, n)
		return last == nil, nil
	})
	if err != nil {
		return fmt.Errorf("waiting for %s: %w", ContainerdName(n), errors.Join(err, last))
	}
	return nil
}

// RuntimeReady is an error where a node's containerd cannot run containers now.
func RuntimeReady(ctx context.Context, n layout.Node) error {
	return withRuntime(n, func(runtime cri.RuntimeServiceClient) error {
		status, err := runtime.Status(ctx, &cri.StatusRequest{})
		if err != nil {
			return fmt.Errorf("asking %s for its status: %w", ContainerdName(n), err)
		}
		if !ready(status) {
			return fmt.Errorf("%s is not ready", ContainerdName(n))
		}
		return nil
	})
}

func ready(status *cri.StatusResponse) bool {
	for _, c := range status.GetStatus().GetConditions() {
		if c.Type == cri.RuntimeReady && c.Status {
			return true
		}
	}
	return false
}

// RemovePods stops and removes every pod of a node, with its containers, its
// network and its mounts.
func RemovePods(ctx context.Context, n layout.Node) error {
	return withRuntime(n, func(runtime cri.RuntimeServiceClient) error {
		pods, err := runtime.ListPodSandbox(ctx, &cri.ListPodSandboxRequest{})
		if err != nil {
			return fmt.Errorf("listing the pods of %s: %w", n.Name, err)
		}
		var failures []error
		for _, pod := range pods.Items {
			_, err := runtime.StopPodSandbox(ctx, &cri.StopPodSandboxRequest{PodSandboxId: pod.Id})
			failures = append(failures, err)
			_, err = runtime.RemovePodSandbox(ctx, &cri.RemovePodSandboxRequest{PodSandboxId: pod.Id})
			failures = append(failures, err)
		}
		return errors.Join(failures...)
	})
}

func withRuntime(n layout.Node, use func(cri.RuntimeServiceClient) error) error {
	// The socket is root's own: there is nobody to hide from.
	conn, err := grpc.NewClient("unix://"+n.Socket(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	return errors.Join(use(cri.NewRuntimeServiceClient(conn)), conn.Close())
}

// Load imports an image into a node, unless the node has just that one already.
func Load(ctx context.Context, n layout.Node, ctr []string, ref, file string) error {
	sum, err := sumOf(file)
	if err != nil {
		return err
	}
	stamp := filepath.Join(n.Dir(), "images", strings.NewReplacer("/", "_", ":", "_").Replace(ref))
	if loaded, err := os.ReadFile(stamp); err == nil && bytes.Equal(loaded, []byte(sum)) {
		return nil
	}
	args := append(slices.Clone(ctr[1:]), "--address", n.Socket(), "--namespace", "k8s.io", "images", "import", file)
	cmd := exec.CommandContext(ctx, ctr[0], args...)
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("loading %s into %s: %w: %s", ref, n.Name, err, output)
	}
	return os.WriteFile(stamp, []byte(sum), 0o600)
}

func sumOf(file string) (string, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:]), nil
}
