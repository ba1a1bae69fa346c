// Package node configures and starts the cluster's nodes: a containerd and a kubelet
// for each, on the one machine that they share.
package node

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	kubeletv1beta1 "k8s.io/kubelet/config/v1beta1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/volume-durability/volume-durability/tests/cluster/layout"
	"github.com/volume-durability/volume-durability/tests/cluster/machine"
	"github.com/volume-durability/volume-durability/tests/cluster/pki"
	"github.com/volume-durability/volume-durability/tests/cluster/process"
)

// Credentials are what a kubelet presents, to the API server and to its own clients.
type Credentials struct {
	ClientCA   string
	Serving    pki.Pair
	Kubeconfig string
}

// ContainerdName returns the name of a node's container runtime among the cluster's programs.
func ContainerdName(n layout.Node) string { return "containerd-" + n.Name }

// KubeletName returns the name of a node's kubelet.
func KubeletName(n layout.Node) string { return "kubelet-" + n.Name }

// IsKubelet reports whether a program of that name is a node's kubelet.
func IsKubelet(name string) bool { return strings.HasPrefix(name, "kubelet-") }

// DevicePlugins is the socket on which every kubelet of a machine listens for device
// plugins. It does not depend on the kubelet's own folder
// (k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1, KubeletSocket).
const DevicePlugins = "/var/lib/kubelet/device-plugins/kubelet.sock"

// Runtime are the programs that run a node's containers, as paths.
type Runtime struct {
	Containerd, Runc string
	// Shim is containerd's shim. If it is empty, containerd finds the shim itself.
	Shim string
}

// Folders are those that a node's programs need.
func Folders(n layout.Node) []string {
	return []string{n.Dir(), n.VolumesDir(), podLogs(n), filepath.Join(n.Dir(), "images")}
}

func podLogs(n layout.Node) string { return filepath.Join(n.Dir(), "pod-logs") }

// Prepare makes a node's folders, cgroups and configurations.
func Prepare(n layout.Node, runtime Runtime, cni string, creds Credentials) error {
	for _, dir := range Folders(n) {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := machine.AddCgroup(n.Cgroup()); err != nil {
		return err
	}
	return Configure(n, runtime, cni, creds)
}

// Configure writes the configurations of a node's programs.
func Configure(n layout.Node, runtime Runtime, cni string, creds Credentials) error {
	if err := writeNetwork(n); err != nil {
		return err
	}
	if err := os.WriteFile(containerdConfig(n), containerdTOML(n, runtime, cni), 0o600); err != nil {
		return err
	}
	config, err := yaml.Marshal(kubeletConfiguration(n, creds))
	if err != nil {
		return err
	}
	return os.WriteFile(kubeletConfig(n), config, 0o600)
}

func containerdConfig(n layout.Node) string { return filepath.Join(n.ConfigDir(), "containerd.toml") }
func kubeletConfig(n layout.Node) string    { return filepath.Join(n.ConfigDir(), "kubelet.yaml") }

// containerdTOML configures containerd 1.6 and later; 2.0 and later migrate it. On a
// machine without CAP_SYS_RESOURCE, runc cannot lower a process's OOM score:
// restrict_oom_score_adj. device_ownership_from_security_context differs between the
// nodes, see layout.Node. NRI is disabled because its
// socket has a fixed path on a machine.
func containerdTOML(n layout.Node, runtime Runtime, cni string) []byte {
	return fmt.Appendf(nil, `version = 2
root = %q
state = %q
[grpc]
  address = %q
[plugins."io.containerd.internal.v1.opt"]
  path = %q
[plugins."io.containerd.nri.v1.nri"]
  disable = true
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = %q
  restrict_oom_score_adj = true
  device_ownership_from_security_context = %t
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = %q
    conf_dir = %q
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      runtime_path = %q
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        BinaryName = %q
        Root = %q
        SystemdCgroup = false
`, filepath.Join(n.Dir(), "root"), filepath.Join(n.Dir(), "state"), n.Socket(), filepath.Join(n.Dir(), "opt"),
		layout.PauseImage, n.DeviceOwnership, cni, n.CNI(), runtime.Shim, runtime.Runc, filepath.Join(n.Dir(), "runc"))
}

func kubeletConfiguration(n layout.Node, creds Credentials) *kubeletv1beta1.KubeletConfiguration {
	config := &kubeletv1beta1.KubeletConfiguration{
		// A volume is mounted after the node's status lists it as in use, and detached
		// after the status no longer lists it.
		NodeStatusUpdateFrequency: metav1.Duration{Duration: time.Second},
		NodeStatusReportFrequency: metav1.Duration{Duration: 5 * time.Minute},
		TypeMeta: metav1.TypeMeta{
			APIVersion: kubeletv1beta1.SchemeGroupVersion.String(), Kind: "KubeletConfiguration",
		},
		Address:                  n.IP.String(),
		HealthzBindAddress:       "127.0.0.1",
		HealthzPort:              ptr.To(int32(n.HealthPort)),
		ContainerRuntimeEndpoint: "unix://" + n.Socket(),
		TLSCertFile:              creds.Serving.Cert,
		TLSPrivateKeyFile:        creds.Serving.Key,
		Authentication: kubeletv1beta1.KubeletAuthentication{
			X509:      kubeletv1beta1.KubeletX509Authentication{ClientCAFile: creds.ClientCA},
			Webhook:   kubeletv1beta1.KubeletWebhookAuthentication{Enabled: ptr.To(true)},
			Anonymous: kubeletv1beta1.KubeletAnonymousAuthentication{Enabled: ptr.To(false)},
		},
		Authorization:          kubeletv1beta1.KubeletAuthorization{Mode: kubeletv1beta1.KubeletAuthorizationModeWebhook},
		CgroupDriver:           "cgroupfs",
		CgroupRoot:             "/" + n.Cgroup(),
		FailSwapOn:             ptr.To(false),
		FailCgroupV1:           ptr.To(false), // a machine may have nothing else; gone in 1.38
		EnforceNodeAllocatable: []string{"none"},
		PodLogsDir:             podLogs(n),
		VolumePluginDir:        filepath.Join(n.Dir(), "volume-plugins"),
		// The machine's own resolv.conf: the cluster has no DNS.
		ResolverConfig:         ptr.To("/etc/resolv.conf"),
		MakeIPTablesUtilChains: ptr.To(false),
		// A machine that is nearly full must not have its pods evicted during a test.
		EvictionHard: map[string]string{
			"nodefs.available": "0%", "imagefs.available": "0%",
			"nodefs.inodesFree": "0%", "imagefs.inodesFree": "0%", "memory.available": "100Mi",
		},
		ImageGCHighThresholdPercent: ptr.To[int32](100),
		SerializeImagePulls:         ptr.To(false),
	}
	if n.IsMachine {
		config.RegisterWithTaints = []corev1.Taint{{Key: layout.MachineLabel, Effect: corev1.TaintEffectNoSchedule}}
	}
	return config
}

// Containerd is the program that runs a node's containers.
func Containerd(n layout.Node, runtime Runtime) process.Program {
	args := []string{"--config", containerdConfig(n)}
	return process.Program{Name: ContainerdName(n), Path: runtime.Containerd, Args: args}
}

// Kubelet is the program that registers the node and runs its pods.
func Kubelet(n layout.Node, kubernetes string, creds Credentials) process.Program {
	args := []string{
		"kubelet",
		"--config=" + kubeletConfig(n),
		"--kubeconfig=" + creds.Kubeconfig,
		"--hostname-override=" + n.Name,
		"--node-ip=" + n.IP.String(),
		"--root-dir=" + n.KubeletDir(),
		"--cert-dir=" + filepath.Join(n.Dir(), "kubelet-certs"),
	}
	if n.IsMachine {
		args = append(args, "--node-labels="+layout.MachineLabel+"="+n.Name)
	}
	return process.Program{Name: KubeletName(n), Path: kubernetes, Args: args}
}

// Network is the name of the network that all pods are on.
const Network = "volume-durability"

// writeNetwork writes a node's CNI configuration. All nodes have one bridge and no masquerading,
// so that no firewall rule is ever made; nodes of one kernel share one range of addresses.
// The bridge has its addresses already: the plugin is not to give it any.
func writeNetwork(n layout.Node) error {
	if err := os.MkdirAll(n.CNI(), 0o755); err != nil {
		return err
	}
	config := fmt.Sprintf(`{
  "cniVersion": "0.4.0",
  "name": %q,
  "plugins": [{
    "type": "bridge", "bridge": %q, "ipMasq": false, "hairpinMode": true,
    "ipam": {
      "type": "host-local", "dataDir": %q,
      "ranges": [[{"subnet": %q, "rangeStart": %q, "rangeEnd": %q, "gateway": %q}]],
      "routes": [{"dst": "0.0.0.0/0"}]
    }
  }, {"type": "loopback"}]
}
`, Network, layout.Bridge, n.IPAM(), layout.PodSubnet, n.PodsFrom, n.PodsTo, layout.Nodes()[0].IP)
	return os.WriteFile(filepath.Join(n.CNI(), "10-bridge.conflist"), []byte(config), 0o600)
}
