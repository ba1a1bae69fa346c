// Package storage is the storage driver of the test cluster (tests/csi) and the
// sidecars beside it: how each is started, beside the kubelets rather than in pods.
package storage

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/volume-durability/volume-durability/tests/cluster/layout"
	"github.com/volume-durability/volume-durability/tests/cluster/process"
)

// The programs that exist once in the cluster.
const (
	controllerName  = "csi-controller"
	provisionerName = "csi-provisioner"
	attacherName    = "csi-attacher"
)

// ControllerNames are the programs that exist once in the cluster, in the order in
// which they are started.
func ControllerNames() []string { return []string{controllerName, provisionerName, attacherName} }

// NodeName returns the name of the driver that makes volumes usable on a node.
func NodeName(n layout.Node) string { return "csi-" + n.Name }

// IsProgram reports whether a built binary of that name is one of these programs.
func IsProgram(binary string) bool {
	return strings.HasPrefix(binary, "csi-driver-") || strings.HasPrefix(binary, "csi-attacher-")
}

// Controllers are the driver's controller and its sidecars.
func Controllers(driver, attacher, provisionerConfig, attacherConfig string) []process.Program {
	nodes := layout.MachineNames()
	for _, n := range layout.Nodes() {
		nodes = append(nodes, n.Name)
	}
	return []process.Program{
		{Name: controllerName, Path: driver, Args: []string{
			"controller", "--socket=" + layout.CSISocket, "--volumes=" + layout.CSIVolumes,
			"--nodes=" + strings.Join(nodes, ","), glusterFlag(),
		}},
		{Name: provisionerName, Path: driver, Args: []string{
			"provisioner", "--socket=" + layout.CSISocket, "--kubeconfig=" + provisionerConfig,
		}},
		{Name: attacherName, Path: attacher, Args: []string{
			"--csi-address=" + layout.CSISocket, "--kubeconfig=" + attacherConfig, "--leader-election=false",
		}},
	}
}

// Node is the driver on a node, which registers with the node's kubelet. A machine of its own has the images of its
// volumes on its own disk.
func Node(n layout.Node, driver string) process.Program {
	args := []string{
		"node", "--name=" + n.Name, "--socket=" + n.CSISocket(), "--volumes=" + layout.CSIVolumes, glusterFlag(),
		"--registration=" + filepath.Join(n.KubeletDir(), "plugins_registry", layout.CSIDriver+"-reg.sock"),
	}
	if n.IsMachine {
		args = append(args, "--images="+filepath.Join(n.Dir(), "volume-images"))
	}
	return process.Program{Name: NodeName(n), Path: driver, Args: args}
}

// Registered returns an error if a node's kubelet does not know the driver.
func Registered(ctx context.Context, kube kubernetes.Interface, n layout.Node) error {
	known, err := kube.StorageV1().CSINodes().Get(ctx, n.Name, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("asking for the storage drivers of %s: %w", n.Name, err)
	}
	isOurs := func(d storagev1.CSINodeDriver) bool { return d.Name == layout.CSIDriver }
	if !slices.ContainsFunc(known.Spec.Drivers, isOurs) {
		return fmt.Errorf("the storage driver is not registered on %s", n.Name)
	}
	return nil
}
