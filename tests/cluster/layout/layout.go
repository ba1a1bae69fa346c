// Package layout defines the folders, addresses, ports and names of the test cluster. A
// machine has one cluster, because addresses and bridges belong to the machine.
package layout

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
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
	PodsTo      = "10.213.99.255"
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
	// PodsFrom and PodsTo are the range of the addresses of its pods. Nodes of one kernel share one.
	PodsFrom, PodsTo string
	// IsMachine reports whether the node is a machine of its own, see Machine.
	IsMachine bool
}

// Nodes are the cluster's nodes.
func Nodes() []Node {
	return []Node{
		{
			Name: "n1", IP: netip.MustParseAddr("10.213.0.1"), HealthPort: 20248, DeviceOwnership: true,
			PodsFrom: PodsFrom, PodsTo: PodsTo,
		},
		{
			Name: "n2", IP: netip.MustParseAddr("10.213.0.2"), HealthPort: 20249,
			PodsFrom: PodsFrom, PodsTo: PodsTo,
		},
	}
}

// MachineNames are the names that machines of their own may have.
func MachineNames() []string {
	var all []string
	for i := 1; i <= 9; i++ {
		all = append(all, fmt.Sprintf("m%d", i))
	}
	return all
}

// Machine returns the node that is a machine of its own, by its name. A storage server is one
// on which no kubelet runs.
func Machine(name string) (Node, error) {
	i := slices.Index(MachineNames(), name)
	if i < 0 {
		return Node{}, fmt.Errorf("no machine can be called %q: want m1 to m9", name)
	}
	return Node{
		Name: name, IP: netip.AddrFrom4([4]byte{10, 213, 0, byte(11 + i)}), HealthPort: 20248, IsMachine: true,
		PodsFrom: fmt.Sprintf("10.213.%d.0", 101+i), PodsTo: fmt.Sprintf("10.213.%d.255", 101+i),
	}, nil
}

// MachineLabel is a label and a taint of the nodes that are machines of their own. A pod needs a
// toleration to be scheduled on one, so that they do not change what the other tests run on.
const MachineLabel = "volume-durability.test/machine"

// MachineDir holds what this machine keeps about a machine of its own: its disk, its
// description and the configuration of its programs.
func (n Node) MachineDir() string { return filepath.Join(Machines, n.Name) }

// Tap is the network device of a machine of its own.
func (n Node) Tap() string { return Bridge + n.Name }

// Hardware is the hardware address of a machine of its own: locally administered, unicast.
func (n Node) Hardware() string {
	return fmt.Sprintf("02:76:64:62:73:%02x", n.IP.As4()[3])
}

// ConfigDir holds the configuration of the node's programs. The folder of a machine of its own
// is the mount point of its disk, which this machine cannot write to.
func (n Node) ConfigDir() string {
	if n.IsMachine {
		return n.MachineDir()
	}
	return n.Dir()
}

// CNI is the folder with the configuration of the node's network plugins.
func (n Node) CNI() string {
	if n.IsMachine {
		return filepath.Join(n.MachineDir(), "cni")
	}
	return filepath.Join(State, "cni")
}

// IPAM is the folder with the addresses of the node's pods.
func (n Node) IPAM() string {
	if n.IsMachine {
		return filepath.Join(n.Dir(), "ipam")
	}
	return filepath.Join(State, "ipam")
}

// Cgroup is the node's, below the root of every hierarchy.
func (n Node) Cgroup() string { return "volume-durability-" + n.Name }

// Dir is the node's folder.
func (n Node) Dir() string { return filepath.Join(State, n.Name) }

// Socket is that of the node's containerd.
func (n Node) Socket() string { return filepath.Join(n.Dir(), "containerd.sock") }

// VolumesDir holds the volumes of the storage class local-path on this node.
func (n Node) VolumesDir() string { return filepath.Join(Volumes, n.Name) }

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
	// Machines holds a folder for each machine of its own.
	Machines = filepath.Join(State, "machines")
	Volumes  = filepath.Join(State, "volumes")
	// SharedVolumes holds the volumes of the storage class shared, which every node reaches.
	SharedVolumes = filepath.Join(Volumes, "shared")
	// CSIVolumes holds the volumes of the storage driver, CSISocket is the socket of its controller.
	CSIVolumes = filepath.Join(Volumes, "csi")
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
