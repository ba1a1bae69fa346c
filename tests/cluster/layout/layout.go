// Package layout defines the folders, addresses, ports and names of the test cluster. A
// machine has one cluster, because addresses and bridges belong to the machine.
package layout

import (
	"net/netip"
	"path/filepath"
)

// State is the folder that holds all that the cluster keeps. Its path is short:
// sockets in it must fit in 108 bytes.
const State = "/var/lib/volume-durability-cluster"

// Network of the cluster. The addresses of nodes, pods and the API server are on
// one bridge, and nothing of the cluster listens anywhere else but on loopback.
const (
	Bridge      = "vdbr0"
	PodSubnet   = "10.213.0.0/16"
	PodsFrom    = "10.213.1.0"
	ServiceCIDR = "10.214.0.0/16"
	// APIServer is the address of the kubernetes service: without a kube-proxy,
	// the API server itself listens on it.
	APIServer     = "10.214.0.1"
	APIServerPort = 443
	EtcdPort      = 23790
	EtcdPeerPort  = 23800
	// ControllerPort and SchedulerPort are on loopback.
	ControllerPort = 20257
	SchedulerPort  = 20259
	// GlusterPort is that of the GlusterFS servers, on the nodes' addresses.
	GlusterPort = 24100
)

// Node is one of the cluster's nodes.
type Node struct {
	Name string
	// IP is on the bridge; a kubelet rejects a loopback address.
	IP netip.Addr
	// HealthPort is the kubelet's, on loopback.
	HealthPort int
	// DeviceOwnership gives a raw block device to the user of its container. It is off by
	// default in containerd and CRI-O; the device then keeps its owner and its group.
	DeviceOwnership bool
}

// Nodes are the cluster's nodes.
func Nodes() []Node {
	return []Node{
		{"n1", netip.MustParseAddr("10.213.0.1"), 20248, true},
		{"n2", netip.MustParseAddr("10.213.0.2"), 20249, false},
	}
}

// Cgroup is the node's, below the root of every hierarchy.
func (n Node) Cgroup() string { return "volume-durability-" + n.Name }

// Dir is the node's folder.
func (n Node) Dir() string { return filepath.Join(State, n.Name) }

// Socket is that of the node's containerd.
func (n Node) Socket() string { return filepath.Join(n.Dir(), "containerd.sock") }

// VolumesDir holds the volumes of the storage class local-path on this node.
func (n Node) VolumesDir() string { return filepath.Join(State, "volumes", n.Name) }

// CSISocket is the socket of the node's storage driver.
func (n Node) CSISocket() string { return filepath.Join(n.Dir(), "csi.sock") }

// KubeletDir is what the node's kubelet keeps.
func (n Node) KubeletDir() string { return filepath.Join(n.Dir(), "kubelet") }

// CSIDriver is the name of the storage driver (tests/csi).
const CSIDriver = "csi.volume-durability.test"

// Paths in the state folder.
var (
	Kubeconfig = filepath.Join(State, "kubeconfig")
	Lock       = State + ".lock"
	Logs       = filepath.Join(State, "logs")
	PKI        = filepath.Join(State, "pki")
	Processes  = filepath.Join(State, "processes")
	CNI        = filepath.Join(State, "cni")
	// SharedVolumes holds the volumes of the storage class shared, which every node reaches.
	SharedVolumes = filepath.Join(State, "volumes", "shared")
	// CSIVolumes holds the volumes of the storage driver, CSISocket is the socket of its controller.
	CSIVolumes = filepath.Join(State, "volumes", "csi")
	CSISocket  = filepath.Join(State, "csi.sock")
	// Gluster holds the data and the configuration of a GlusterFS volume.
	Gluster  = filepath.Join(State, "gluster")
	AuditLog = filepath.Join(Logs, "audit.log")
)

// Image references. No registry is used: a name in .test never resolves (RFC 6761).
const (
	PauseImage       = "volume-durability.test/pause:test"
	BusyboxImage     = "volume-durability.test/busybox:test"
	ProvisionerImage = "volume-durability.test/local-path-provisioner:test"
	OperatorImage    = "volume-durability.test/chaos-operator:test"
	// RunnerImage is the image that the chaos-operator starts for an engine. The tests
	// that need it load it.
	RunnerImage = "volume-durability.test/chaos-runner:test"
)
