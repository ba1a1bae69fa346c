// Package chaosengine runs the charts as a user would: a namespace, the chart's three
// files, a ChaosEngine, and its ChaosResult in the end. The demo and the
// end-to-end tests share it. It removes no namespace that it did not make.
package chaosengine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"github.com/litmuschaos/chaos-operator/pkg/client/clientset/versioned"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	watchtools "k8s.io/client-go/tools/watch"
	"sigs.k8s.io/yaml"

	"github.com/volume-durability/volume-durability/pkg/result"
)

// Cluster is a cluster with Litmus on it.
type Cluster struct {
	Config *rest.Config
	Kube   kubernetes.Interface
	Litmus versioned.Interface
	// Charts is the folder of the charts, Image the experiment's.
	Charts, Image string
}

// Connect makes a cluster's clients.
func Connect(kubeconfig, charts, image string) (*Cluster, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", kubeconfig, err)
	}
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	litmus, err := versioned.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	return &Cluster{Config: config, Kube: kube, Litmus: litmus, Charts: charts, Image: image}, nil
}

// RequireLitmus returns an error that says what to do where Litmus is not installed.
func (c *Cluster) RequireLitmus(ctx context.Context) error {
	_, err := c.Litmus.LitmuschaosV1alpha1().ChaosEngines("default").List(ctx, metav1.ListOptions{Limit: 1})
	if apierrors.IsNotFound(err) {
		return errors.New("this cluster has no ChaosEngine kind: install Litmus first, https://docs.litmuschaos.io")
	}
	return err
}

// Namespace is one that was made here, with the chart's service account and
// experiment in it.
type Namespace struct {
	*Cluster
	Name string
}

// The levels of the Pod Security Standards (k8s.io/pod-security-admission/api).
const (
	Restricted = "restricted"
	// Baseline is what the pods of command probes need.
	Baseline = "baseline"
)

// NewNamespace makes a namespace that enforces a level of the Pod Security
// Standards, and applies the chart to it.
func (c *Cluster) NewNamespace(ctx context.Context, name, level string) (*Namespace, error) {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"pod-security.kubernetes.io/enforce": level}}}
	if _, err := c.Kube.CoreV1().Namespaces().Create(ctx, ns, metav1.CreateOptions{}); err != nil {
		return nil, fmt.Errorf("making namespace %s: %w", name, err)
	}
	n := &Namespace{c, name}
	if err := n.apply(ctx); err != nil {
		return nil, errors.Join(err, n.Remove(context.WithoutCancel(ctx)))
	}
	return n, nil
}

func (n *Namespace) apply(ctx context.Context) error {
	var account corev1.ServiceAccount
	var role rbacv1.Role
	var binding rbacv1.RoleBinding
	var experiment chaosv1alpha1.ChaosExperiment
	if err := errors.Join(n.read("rbac.yaml", &account, &role, &binding), n.read("experiment.yaml", &experiment)); err != nil {
		return err
	}
	account.Namespace, role.Namespace, binding.Namespace, experiment.Namespace = n.Name, n.Name, n.Name, n.Name
	binding.Subjects[0].Namespace = n.Name
	if _, err := n.Kube.CoreV1().ServiceAccounts(n.Name).Create(ctx, &account, metav1.CreateOptions{}); err != nil {
		return err
	}
	if _, err := n.Kube.RbacV1().Roles(n.Name).Create(ctx, &role, metav1.CreateOptions{}); err != nil {
		return err
	}
	if _, err := n.Kube.RbacV1().RoleBindings(n.Name).Create(ctx, &binding, metav1.CreateOptions{}); err != nil {
		return err
	}
	if _, err := n.Litmus.LitmuschaosV1alpha1().ChaosExperiments(n.Name).Create(ctx, &experiment, metav1.CreateOptions{}); err != nil {
		return err
	}
	return n.allowRunnerToWatchJobs(ctx, account.Name)
}

// read reads the documents of one of the chart's files.
func (n *Namespace) read(file string, into ...any) error {
	content, err := os.ReadFile(filepath.Join(n.Charts, "volume-durability", file))
	if err != nil {
		return err
	}
	for i, document := range bytes.Split(content, []byte("\n---\n")) {
		if err := yaml.Unmarshal(document, into[i]); err != nil {
			return fmt.Errorf("reading %s: %w", file, err)
		}
	}
	return nil
}

// Remove deletes the namespace and returns once it is gone. Engines go first:
// their finalizers are the operator's to remove.
func (n *Namespace) Remove(ctx context.Context) error {
	engines := n.Litmus.LitmuschaosV1alpha1().ChaosEngines(n.Name)
	if err := engines.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
		return fmt.Errorf("deleting the engines in %s: %w", n.Name, err)
	}
	namespaces := n.Kube.CoreV1().Namespaces()
	if err := namespaces.Delete(ctx, n.Name, metav1.DeleteOptions{}); err != nil {
		return fmt.Errorf("deleting namespace %s: %w", n.Name, err)
	}
	empty := func(store cache.Store) (bool, error) { return len(store.List()) == 0, nil }
	_, err := watchtools.UntilWithSync(ctx, ByName(n.Name, namespaces), &corev1.Namespace{}, empty, func(e watch.Event) (bool, error) { return e.Type == watch.Deleted, nil })
	if err != nil {
		return fmt.Errorf("waiting for namespace %s to be gone: %w", n.Name, err)
	}
	return nil
}

// Engine is a ChaosEngine to run.
type Engine struct {
	Name string
	// Env overrides the inputs of the chart's engine.
	Env map[string]string
	// Probes are the user's own.
	Probes []chaosv1alpha1.ProbeAttributes
	// StatusTimeout is the engine's statusCheckTimeouts.timeout, in seconds; 0 for Litmus's default.
	StatusTimeout int
}

// Start creates the chart's engine, changed as asked.
func (n *Namespace) Start(ctx context.Context, e Engine) error {
	var engine chaosv1alpha1.ChaosEngine
	if err := n.read("engine.yaml", &engine); err != nil {
		return err
	}
	engine.Name, engine.Namespace = e.Name, n.Name
	experiment := &engine.Spec.Experiments[0].Spec
	experiment.Components.ExperimentImage = n.Image
	experiment.Components.StatusCheckTimeouts.Timeout = e.StatusTimeout
	experiment.Probe = e.Probes
	env := map[string]string{"WORKLOAD_NAMESPACE": n.Name}
	for _, set := range experiment.Components.ENV {
		env[set.Name] = set.Value
	}
	for name, value := range e.Env {
		env[name] = value
	}
	experiment.Components.ENV = nil
	for name, value := range env {
		experiment.Components.ENV = append(experiment.Components.ENV, corev1.EnvVar{Name: name, Value: value})
	}
	if _, err := n.Litmus.LitmuschaosV1alpha1().ChaosEngines(n.Name).Create(ctx, &engine, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("creating ChaosEngine %s/%s: %w", n.Name, e.Name, err)
	}
	return nil
}

// Await returns the ChaosResult of an engine of the chart's once its verdict is there.
func (n *Namespace) Await(ctx context.Context, engine string) (*chaosv1alpha1.ChaosResult, error) {
	return n.AwaitFault(ctx, engine, "volume-durability")
}

// AwaitFault returns the ChaosResult of an engine's fault once its verdict is there.
func (n *Namespace) AwaitFault(ctx context.Context, engine, fault string) (*chaosv1alpha1.ChaosResult, error) {
	return n.AwaitResult(ctx, engine, fault, func(result *chaosv1alpha1.ChaosResult) bool {
		return result.Status.ExperimentStatus.Verdict != chaosv1alpha1.ResultVerdictAwaited
	})
}

// AwaitResult returns the ChaosResult of an engine's fault once it is as asked for.
func (n *Namespace) AwaitResult(ctx context.Context, engine, fault string, asked func(*chaosv1alpha1.ChaosResult) bool) (*chaosv1alpha1.ChaosResult, error) {
	results := n.Litmus.LitmuschaosV1alpha1().ChaosResults(n.Name)
	lw := ByName(engine+"-"+fault, results)
	event, err := watchtools.UntilWithSync(ctx, lw, &chaosv1alpha1.ChaosResult{}, nil, func(e watch.Event) (bool, error) {
		result, ok := e.Object.(*chaosv1alpha1.ChaosResult)
		return ok && asked(result), nil
	})
	if err != nil {
		return nil, fmt.Errorf("waiting for the ChaosResult of %s/%s: %w", n.Name, engine, errors.Join(err, context.Cause(ctx)))
	}
	return event.Object.(*chaosv1alpha1.ChaosResult), nil
}

// AwaitCompleted returns an engine once the operator has marked it completed.
func (n *Namespace) AwaitCompleted(ctx context.Context, name string) (*chaosv1alpha1.ChaosEngine, error) {
	return n.AwaitStatus(ctx, name, chaosv1alpha1.EngineStatusCompleted)
}

// AwaitStatus returns an engine once the operator has given it a status.
func (n *Namespace) AwaitStatus(ctx context.Context, name string, status chaosv1alpha1.EngineStatus) (*chaosv1alpha1.ChaosEngine, error) {
	engines := n.Litmus.LitmuschaosV1alpha1().ChaosEngines(n.Name)
	event, err := watchtools.UntilWithSync(ctx, ByName(name, engines), &chaosv1alpha1.ChaosEngine{}, nil, func(e watch.Event) (bool, error) {
		engine, ok := e.Object.(*chaosv1alpha1.ChaosEngine)
		return ok && engine.Status.EngineStatus == status, nil
	})
	if err != nil {
		return nil, fmt.Errorf("waiting for ChaosEngine %s/%s to be %s: %w", n.Name, name, status, err)
	}
	return event.Object.(*chaosv1alpha1.ChaosEngine), nil
}

// AwaitEvent returns once an event of such a reason was made on an engine: so Litmus
// says how far a fault is.
func (n *Namespace) AwaitEvent(ctx context.Context, engine, reason string) error {
	selected := fields.Set{"involvedObject.kind": "ChaosEngine", "involvedObject.name": engine, "reason": reason}.AsSelector().String()
	lw := selecting(selected, n.Kube.CoreV1().Events(n.Name))
	if _, err := watchtools.UntilWithSync(ctx, lw, &corev1.Event{}, nil, func(e watch.Event) (bool, error) { return e.Type != watch.Deleted, nil }); err != nil {
		return fmt.Errorf("waiting for an event %s on ChaosEngine %s/%s: %w", reason, n.Name, engine, err)
	}
	return nil
}

// AwaitRunning returns a pod once it runs.
func (n *Namespace) AwaitRunning(ctx context.Context, pod string) (*corev1.Pod, error) {
	lw := ByName(pod, n.Kube.CoreV1().Pods(n.Name))
	event, err := watchtools.UntilWithSync(ctx, lw, &corev1.Pod{}, nil, func(e watch.Event) (bool, error) {
		now, ok := e.Object.(*corev1.Pod)
		return ok && now.Status.Phase == corev1.PodRunning, nil
	})
	if err != nil {
		return nil, fmt.Errorf("waiting for pod %s/%s to run: %w", n.Name, pod, err)
	}
	return event.Object.(*corev1.Pod), nil
}

// Log returns what the experiment of an engine logged so far.
func (n *Namespace) Log(ctx context.Context, engine string) (string, error) {
	found, err := n.Litmus.LitmuschaosV1alpha1().ChaosEngines(n.Name).Get(ctx, engine, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	pods, err := n.Kube.CoreV1().Pods(n.Name).List(ctx, metav1.ListOptions{LabelSelector: "job-name,chaosUID=" + string(found.UID)})
	if err != nil {
		return "", err
	}
	var all strings.Builder
	for _, pod := range pods.Items {
		stream, err := n.Kube.CoreV1().Pods(n.Name).GetLogs(pod.Name, &corev1.PodLogOptions{}).Stream(ctx)
		if err != nil {
			return "", fmt.Errorf("reading the log of %s/%s: %w", n.Name, pod.Name, err)
		}
		_, err = io.Copy(&all, stream)
		if err := errors.Join(err, stream.Close()); err != nil {
			return "", err
		}
	}
	return all.String(), nil
}

// Result is the whole outcome that an experiment's log ends with.
func ParseResult(log string) (result.Result, error) {
	for line := range strings.Lines(log) {
		if strings.HasPrefix(line, `{"schema":`) {
			var result result.Result
			return result, json.Unmarshal([]byte(line), &result)
		}
	}
	return result.Result{}, errors.New("the log holds no result")
}

// Timeout is ample for one short run, from the engine to the result.
const Timeout = 4 * time.Minute
