package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/volume-durability/volume-durability/tests/cluster/addons"
	"github.com/volume-durability/volume-durability/tests/cluster/binary"
	"github.com/volume-durability/volume-durability/tests/cluster/controlplane"
	"github.com/volume-durability/volume-durability/tests/cluster/image"
	"github.com/volume-durability/volume-durability/tests/cluster/layout"
	"github.com/volume-durability/volume-durability/tests/cluster/machine"
	"github.com/volume-durability/volume-durability/tests/cluster/node"
	"github.com/volume-durability/volume-durability/tests/cluster/process"
	"github.com/volume-durability/volume-durability/tests/cluster/storage"
)

var processes = process.Table{Dir: layout.Processes, Logs: layout.Logs}

// upWithMachines brings the cluster up and adds machines of their own.
func (c *cluster) upWithMachines(ctx context.Context) error {
	if err := c.up(ctx); err != nil {
		return err
	}
	return c.addMachines(ctx, c.machines)
}

// up brings the cluster up. It first removes what is left of an earlier attempt.
func (c *cluster) up(ctx context.Context) error {
	tools, err := c.tools(ctx)
	if err != nil {
		return err
	}
	if c.matchesWanted() {
		if c.isUp(ctx) == nil {
			c.log.WithField("kubeconfig", layout.Kubeconfig).Info("The cluster is up already")
			return nil
		}
		if c.repair(ctx) == nil {
			return nil
		}
	}
	built, err := c.build(ctx)
	if err != nil {
		return err
	}
	litmus, err := binary.ModuleDir(ctx, filepath.Join(c.source, "programs"), "github.com/litmuschaos/chaos-operator")
	if err != nil {
		return err
	}
	if err := c.clear(ctx); err != nil {
		return fmt.Errorf("removing an earlier cluster: %w", err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, upTimeout, fmt.Errorf("the cluster did not come up within %s", upTimeout))
	defer cancel()
	began := time.Now()
	s := &start{cluster: c, tools: tools, runtime: c.runtime(tools, built), built: built, litmus: litmus}
	if err := s.run(ctx); err != nil {
		return fmt.Errorf("bringing the cluster up: %w. Logs: %s; make cluster-down removes everything", err, layout.Logs)
	}
	took := time.Since(began).Round(100 * time.Millisecond)
	c.log.WithField("took", took).Infof("The cluster is up: export KUBECONFIG=%s", layout.Kubeconfig)
	return nil
}

// wanted are the versions that the cluster should have.
type wanted struct {
	// Kubernetes is the minor version; Containerd is builtContainerd or systemContainerd.
	Kubernetes, Containerd string
}

const (
	builtContainerd  = "built"
	systemContainerd = "system"
)

// wantedFile holds the versions of a cluster that has come up.
var wantedFile = filepath.Join(layout.State, "wanted.json")

// matchesWanted reports whether the existing cluster has the wanted versions.
func (c *cluster) matchesWanted() bool {
	content, err := os.ReadFile(wantedFile)
	var is wanted
	return err == nil && json.Unmarshal(content, &is) == nil && is == c.wanted
}

// buildAll builds the cluster's programs that are not in the cache.
func (c *cluster) buildAll(ctx context.Context) error {
	_, err := c.build(ctx)
	return err
}

// build returns the paths of the cluster's programs by name, and builds those that are not in the cache.
func (c *cluster) build(ctx context.Context) (map[string]string, error) {
	cache, err := binary.NewCache(c.log)
	if err != nil {
		return nil, err
	}
	kubernetes, err := binary.Kubernetes(c.source, c.wanted.Kubernetes)
	if err != nil {
		return nil, err
	}
	sources := append([]binary.Source{kubernetes, binary.GuestInit(c.source)}, binary.Sources(c.source)...)
	switch c.wanted.Containerd {
	case systemContainerd:
	case builtContainerd:
		sources = append(sources, binary.Runtime(c.source)...)
	default:
		return nil, fmt.Errorf("containerd %q: want %s or %s", c.wanted.Containerd, builtContainerd, systemContainerd)
	}
	return cache.Build(ctx, sources)
}

func (c *cluster) runtime(tools machine.Tools, built map[string]string) node.Runtime {
	if c.wanted.Containerd == systemContainerd {
		return node.Runtime{Containerd: tools.Containerd, Runc: tools.Runc}
	}
	return node.Runtime{Containerd: built["containerd"], Runc: built["runc"], Shim: built["containerd-shim-runc-v2"]}
}

// complete exists once a cluster has come up: its content is then worth keeping.
var complete = filepath.Join(layout.State, "complete")

var errNothingToRepair = errors.New("no cluster has come up")

// repair repairs a cluster that was up: it starts the programs that have ended, and
// waits until everything is ready. It keeps the content of the cluster.
func (c *cluster) repair(ctx context.Context) error {
	if _, err := os.Stat(complete); err != nil || !machine.HasBridge(layout.Bridge) {
		return errNothingToRepair
	}
	tooLate := fmt.Errorf("the cluster was not ready within %s", repairTimeout)
	ctx, cancel := context.WithTimeoutCause(ctx, repairTimeout, tooLate)
	defer cancel()
	err := c.startEnded(ctx)
	if err == nil {
		err = await(ctx, "everything to be ready", c.isUp)
	}
	if err != nil {
		c.log.WithError(err).Warn("The cluster cannot be repaired, starting over")
		return err
	}
	c.log.WithField("kubeconfig", layout.Kubeconfig).Info("The cluster is up again")
	return nil
}

func (c *cluster) startEnded(ctx context.Context) error {
	for _, name := range names() {
		r, err := processes.Load(name)
		if err != nil {
			return fmt.Errorf("looking for %s: %w", name, err)
		}
		if r.Alive() {
			continue
		}
		c.log.WithField("program", name).Warn("A program had ended, starting it again")
		if err := awaitRuntimeOf(ctx, name); err != nil {
			return err
		}
		if err := inTurn(ctx, name, func() error { _, err := processes.Restart(r); return err }); err != nil {
			return err
		}
	}
	return nil
}

// start brings a cluster up.
type start struct {
	*cluster
	tools   machine.Tools
	runtime node.Runtime
	built   map[string]string
	litmus  string // folder of the chaos-operator's module
	creds   controlplane.Credentials
}

func (s *start) run(ctx context.Context) error {
	if err := s.prepare(ctx); err != nil {
		return err
	}
	group, both := errgroup.WithContext(ctx)
	group.Go(func() error { return s.nodes(both) })
	group.Go(func() error { return s.controlPlane(both) })
	if err := group.Wait(); err != nil {
		return err
	}
	if err := s.kubelets(ctx); err != nil {
		return err
	}
	if err := s.addons(ctx); err != nil {
		return err
	}
	driver, attacher := s.built["csi-driver"], s.built["csi-attacher"]
	for _, p := range storage.Controllers(driver, attacher, s.creds.Provisioner, s.creds.Attacher) {
		if _, err := processes.Start(p); err != nil {
			return err
		}
	}
	if err := await(ctx, "everything to be ready", s.isUp); err != nil {
		return err
	}
	if err := s.saveSoftware(); err != nil {
		return err
	}
	content, err := json.Marshal(s.wanted)
	if err != nil {
		return err
	}
	if err := os.WriteFile(wantedFile, content, 0o600); err != nil {
		return err
	}
	return os.WriteFile(complete, nil, 0o600)
}

// prepare makes the folders, the network and the certificates.
func (s *start) prepare(ctx context.Context) error {
	for _, dir := range []string{layout.State, layout.Logs, layout.Processes, layout.SharedVolumes} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := machine.RecordState(tracesFile); err != nil {
		return err
	}
	addresses := []string{layout.APIServer + "/32"}
	for _, n := range layout.Nodes() {
		addresses = append(addresses, n.IP.String()+"/16")
	}
	if err := machine.AddBridge(ctx, layout.Bridge, addresses); err != nil {
		return err
	}
	var err error
	s.creds, err = controlplane.Issue()
	return err
}

// tracesFile holds the state of the machine before the cluster came up.
var tracesFile = filepath.Join(layout.State, "traces.json")

// nodes starts the container runtimes and gives them their images.
func (s *start) nodes(ctx context.Context) error {
	for _, n := range layout.Nodes() {
		if err := node.Prepare(n, s.runtime, s.tools.CNI, s.creds.Nodes[n.Name]); err != nil {
			return fmt.Errorf("preparing node %s: %w", n.Name, err)
		}
		for _, p := range []process.Program{node.Containerd(n, s.runtime), storage.Node(n, s.built["csi-driver"])} {
			if _, err := processes.Start(p); err != nil {
				return err
			}
		}
	}
	if err := s.gluster(); err != nil {
		return err
	}
	images, err := s.images(ctx)
	if err != nil {
		return err
	}
	for _, n := range layout.Nodes() {
		if err := awaitContainerd(ctx, n); err != nil {
			return err
		}
	}
	for ref, file := range images {
		// The pods that tolerate the taint of machines need only the pause image of these images.
		if err := s.load(ctx, loadedImage{ref, file, ref == layout.PauseImage}); err != nil {
			return err
		}
	}
	return nil
}

// gluster starts the GlusterFS servers, without waiting for them: Kubernetes repeats
// its requests to the storage driver until they answer.
func (s *start) gluster() error {
	programs, err := storage.Gluster(s.tools.GlusterServer, s.tools.GlusterClient)
	if err != nil {
		return err
	}
	for _, p := range programs {
		if _, err := processes.Start(p); err != nil {
			return err
		}
	}
	return nil
}

func awaitContainerd(ctx context.Context, n layout.Node) error {
	if err := node.AwaitContainerd(ctx, n); err != nil {
		return fmt.Errorf("%w\n%s", err, processes.Tail(node.ContainerdName(n), 20))
	}
	return nil
}

// images writes the cluster's own images and returns their files by reference.
func (s *start) images(ctx context.Context) (map[string]string, error) {
	applets, err := s.tools.Applets(ctx)
	if err != nil {
		return nil, err
	}
	files := map[string]string{}
	for ref, program := range map[string]string{
		layout.PauseImage: "pause", layout.ProvisionerImage: "local-path-provisioner",
		layout.OperatorImage: "chaos-operator", layout.BusyboxImage: "",
	} {
		img, err := image.Program(ref, s.built[program])
		if program == "" {
			img, err = image.Busybox(s.tools.Busybox, applets)
		}
		if err != nil {
			return nil, fmt.Errorf("making image %s: %w", ref, err)
		}
		files[ref] = filepath.Join(layout.State, filepath.Base(ref)+".tar")
		if err := image.Write(files[ref], ref, img); err != nil {
			return nil, fmt.Errorf("writing image %s: %w", ref, err)
		}
	}
	return files, nil
}

func (s *start) controlPlane(ctx context.Context) error {
	programs, err := controlplane.Programs(s.built["kubernetes"], s.creds)
	if err != nil {
		return err
	}
	for i, p := range programs {
		if _, err := processes.Start(p); err != nil {
			return err
		}
		if i == 1 { // the rest needs the API server
			if err := await(ctx, "the API server to answer", apiReady); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *start) kubelets(ctx context.Context) error {
	for _, n := range layout.Nodes() {
		kubelet := node.Kubelet(n, s.built["kubernetes"], s.creds.Nodes[n.Name])
		if err := inTurn(ctx, kubelet.Name, func() error { _, err := processes.Start(kubelet); return err }); err != nil {
			return err
		}
	}
	return nil
}

// awaitRuntimeOf returns once the container runtime of a kubelet answers: a kubelet
// that finds none ends. Any other program needs none.
func awaitRuntimeOf(ctx context.Context, name string) error {
	for _, n := range layout.Nodes() {
		if name == node.KubeletName(n) {
			return awaitContainerd(ctx, n)
		}
	}
	return nil
}

// inTurn starts a program. All kubelets of the machine create the socket for device
// plugins at the same path, and two that do so at the same time may both fail. The
// next one therefore starts only when the socket of this one exists.
func inTurn(ctx context.Context, name string, start func() error) error {
	before, _ := os.Stat(node.DevicePlugins)
	if err := start(); err != nil || !node.IsKubelet(name) {
		return err
	}
	tooLate := fmt.Errorf("%s did not create its plugin socket within %s", name, repairTimeout)
	ctx, cancel := context.WithTimeoutCause(ctx, repairTimeout, tooLate)
	defer cancel()
	return await(ctx, "the plugin socket of "+name, func(context.Context) error {
		now, err := os.Stat(node.DevicePlugins)
		// A new socket may have the inode of the one before it.
		if err == nil && before != nil && os.SameFile(before, now) && before.ModTime().Equal(now.ModTime()) {
			err = errors.New("it is still that of another kubelet")
		}
		return err
	}, name)
}

// addons applies the manifests, Litmus's kinds before what uses them.
func (s *start) addons(ctx context.Context) error {
	rendered, err := addons.Render()
	if err != nil {
		return err
	}
	args := []string{"kubectl", "--kubeconfig", layout.Kubeconfig, "apply", "--server-side"}
	for _, file := range addons.LitmusManifests(s.litmus) {
		args = append(args, "-f", file)
	}
	for name, content := range rendered {
		file := filepath.Join(layout.State, name)
		if err := os.WriteFile(file, content, 0o600); err != nil {
			return err
		}
		args = append(args, "-f", file)
	}
	if output, err := exec.CommandContext(ctx, s.built["kubernetes"], args...).CombinedOutput(); err != nil {
		return fmt.Errorf("applying the addons: %w\n%s", err, output)
	}
	return nil
}

// await polls a condition until it holds. It fails as soon as one of the programs has
// ended, or any program if none is named. Its error includes the end of that program's log.
func await(ctx context.Context, what string, condition func(context.Context) error, programs ...string) error {
	var last error
	err := wait.PollUntilContextCancel(ctx, 250*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		if err := anyEnded(programs); err != nil {
			return false, err
		}
		last = condition(ctx)
		return last == nil, nil
	})
	if err != nil {
		return fmt.Errorf("waiting for %s: %w", what, errors.Join(err, context.Cause(ctx), last))
	}
	return nil
}

// anyEnded returns an error if one of the programs has ended, or any program if none is
// named.
func anyEnded(programs []string) error {
	records, err := processes.All()
	if err != nil {
		return err
	}
	for _, r := range records {
		if !r.Alive() && (len(programs) == 0 || slices.Contains(programs, r.Name)) {
			log, tail := processes.Log(r.Name), processes.Tail(r.Name, 20)
			return fmt.Errorf("%s has ended; the end of its log %s:\n%s", r.Name, log, tail)
		}
	}
	return nil
}

func client() (*kubernetes.Clientset, error) {
	config, err := clientcmd.BuildConfigFromFlags("", layout.Kubeconfig)
	if err != nil {
		return nil, err
	}
	config.Timeout = 10 * time.Second
	return kubernetes.NewForConfig(config)
}

func apiReady(ctx context.Context) error {
	kube, err := client()
	if err != nil {
		return err
	}
	return kube.RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
}

// isUp returns an error if the cluster is not up: it names the first part that is not ready.
func (c *cluster) isUp(ctx context.Context) error {
	if err := allStarted(); err != nil {
		return err
	}
	kube, err := client()
	if err != nil {
		return err
	}
	nodes, err := kube.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	// Machines of their own may be switched off.
	ours := slices.DeleteFunc(nodes.Items, isMachine)
	if n := readyNodes(ours); n != len(layout.Nodes()) {
		return fmt.Errorf("%d of %d nodes are ready", n, len(layout.Nodes()))
	}
	for _, n := range layout.Nodes() {
		if err := nodeReady(ctx, kube, n); err != nil {
			return err
		}
		if err := storage.Registered(ctx, kube, n); err != nil {
			return err
		}
	}
	for _, d := range addons.Deployments {
		deployment, err := kube.AppsV1().Deployments(d[0]).Get(ctx, d[1], metav1.GetOptions{})
		if err != nil {
			return err
		}
		if !available(deployment) {
			return fmt.Errorf("deployment %s/%s is not available", d[0], d[1])
		}
	}
	return nil
}

// nodeReady asks the programs of a node, because the status in the API server may be
// half a minute old.
func nodeReady(ctx context.Context, kube *kubernetes.Clientset, n layout.Node) error {
	if err := node.RuntimeReady(ctx, n); err != nil {
		return err
	}
	healthz := kube.CoreV1().RESTClient().Get().Resource("nodes").Name(n.Name).SubResource("proxy", "healthz")
	if err := healthz.Do(ctx).Error(); err != nil {
		return fmt.Errorf("asking %s for its health: %w", node.KubeletName(n), err)
	}
	return nil
}

// names are those of all the cluster's programs.
func names() []string {
	all := controlplane.Names()
	for _, n := range layout.Nodes() {
		all = append(all, node.ContainerdName(n), storage.NodeName(n), node.KubeletName(n))
	}
	return slices.Concat(all, storage.ControllerNames(), storage.GlusterNames())
}

func allStarted() error {
	for _, name := range names() {
		r, err := processes.Load(name)
		if err != nil {
			return fmt.Errorf("%s was not started", name)
		}
		if !r.Alive() {
			return fmt.Errorf("%s has ended", name)
		}
	}
	return nil
}

func isMachine(n corev1.Node) bool {
	_, is := n.Labels[layout.MachineLabel]
	return is
}

func readyNodes(nodes []corev1.Node) int {
	n := 0
	for _, node := range nodes {
		for _, c := range node.Status.Conditions {
			if c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue {
				n++
			}
		}
	}
	return n
}

func available(d *appsv1.Deployment) bool {
	if d.Spec.Replicas == nil || d.Status.ObservedGeneration < d.Generation {
		return false
	}
	return d.Status.AvailableReplicas == *d.Spec.Replicas
}
