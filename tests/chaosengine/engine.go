// Package chaosengine runs the charts as a user would: it creates a namespace, applies the
// chart's three files, creates a ChaosEngine and waits for its ChaosResult. The demo and
// the end-to-end tests use it. It removes only namespaces that it created.
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
	// Charts is the folder of the charts, Image the reference of the experiment's image.
	Charts, Image string
}

// Connect creates the clients of a cluster.
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

// RequireLitmus returns an error with advice if Litmus is not installed.
func (c *Cluster) RequireLitmus(ctx context.Context) error {
	_, err := c.Litmus.LitmuschaosV1alpha1().ChaosEngines("default").List(ctx, metav1.ListOptions{Limit: 1})
	if apierrors.IsNotFound(err) {
		return errors.New("this cluster has no ChaosEngine kind: install Litmus first, https://docs.litmuschaos.io")
	}
	return err
}

// Namespace is a namespace that NewNamespace created, with the chart's service account and
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

// NewNamespace creates a namespace that enforces a level of the Pod Security Standards,
// and applies the chart to it.
func (c *Cluster) NewNamespace(ctx context.Context, name, level string) (*Namespace, error) {
	labels := map[string]string{"pod-security.kubernetes.io/enforce": level}
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
	if _, err := c.Kube.CoreV1().Namespaces().Create(ctx, ns, metav1.CreateOptions{}); err != nil {
		return nil, fmt.Errorf("creating namespace %s: %w", name, err)
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
	err := errors.Join(n.read("rbac.yaml", &account, &role, &binding), n.read("experiment.yaml", &experiment))
	if err != nil {
		return err
	}
	account.Namespace, role.Namespace, binding.Namespace, experiment.Namespace = n.Name, n.Name, n.Name, n.Name
	if _, err := n.Kube.CoreV1().ServiceAccounts(n.Name).Create(ctx, &account, metav1.CreateOptions{}); err != nil {
		return err
	}
	if _, err := n.Kube.RbacV1().Roles(n.Name).Create(ctx, &role, metav1.CreateOptions{}); err != nil {
		return err
	}
	if _, err := n.Kube.RbacV1().RoleBindings(n.Name).Create(ctx, &binding, metav1.CreateOptions{}); err != nil {
		return err
	}
	experiments := n.Litmus.LitmuschaosV1alpha1().ChaosExperiments(n.Name)
	_, err = experiments.Create(ctx, &experiment, metav1.CreateOptions{})
	return err
}

// read decodes the documents of one of the chart's files.
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

// Remove deletes the namespace and waits until it is gone. It deletes the engines first,
// because the operator must remove their finalizers.
func (n *Namespace) Remove(ctx context.Context) error {
	engines := n.Litmus.LitmuschaosV1alpha1().ChaosEngines(n.Name)
	if err := engines.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
		return fmt.Errorf("deleting the engines in %s: %w", n.Name, err)
	}
	namespaces := n.Kube.CoreV1().Namespaces()
	if err := namespaces.Delete(ctx, n.Name, metav1.DeleteOptions{}); err != nil {
		return fmt.Errorf("deleting namespace %s: %w", n.Name, err)
	}
	if err := AwaitDeleted(ctx, &corev1.Namespace{}, ByName(n.Name, namespaces)); err != nil {
		return fmt.Errorf("waiting for namespace %s to be gone: %w", n.Name, err)
	}
	return nil
}

// Engine is a ChaosEngine to run.
type Engine struct {
	Name string
	// Env overrides the environment of the chart's engine.
	Env map[string]string
	// Probes are added to the engine.
	Probes []chaosv1alpha1.ProbeAttributes
	// PullSecrets are the secrets with which the image of the experiment is pulled.
	PullSecrets []string
	// StatusTimeout is the engine's statusCheckTimeouts.timeout, in seconds; 0 means Litmus's default.
	StatusTimeout int
	// Components are changes to the engine's components; nil for none.
	Components func(*chaosv1alpha1.ExperimentComponents)
}

// Start creates the chart's engine with the changes of e.
func (n *Namespace) Start(ctx context.Context, e Engine) error {
	var engine chaosv1alpha1.ChaosEngine
	if err := n.read("engine.yaml", &engine); err != nil {
		return err
	}
	engine.Name, engine.Namespace = e.Name, n.Name
	experiment := &engine.Spec.Experiments[0].Spec
	experiment.Components.ExperimentImage = n.Image
	experiment.Components.StatusCheckTimeouts.Timeout = e.StatusTimeout
	for _, name := range e.PullSecrets {
		secret := corev1.LocalObjectReference{Name: name}
		experiment.Components.ExperimentImagePullSecrets = append(experiment.Components.ExperimentImagePullSecrets, secret)
	}
	experiment.Probe = e.Probes
	if e.Components != nil {
		e.Components(&experiment.Components)
	}
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
	engines := n.Litmus.LitmuschaosV1alpha1().ChaosEngines(n.Name)
	if _, err := engines.Create(ctx, &engine, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("creating ChaosEngine %s/%s: %w", n.Name, e.Name, err)
	}
	return nil
}

// Await returns the ChaosResult of one of the chart's engines once it has a verdict.
func (n *Namespace) Await(ctx context.Context, engine string) (*chaosv1alpha1.ChaosResult, error) {
	return n.AwaitFault(ctx, engine, "volume-durability")
}

// AwaitFault returns the ChaosResult of an engine's fault once it has a verdict.
func (n *Namespace) AwaitFault(ctx context.Context, engine, fault string) (*chaosv1alpha1.ChaosResult, error) {
	return n.AwaitResult(ctx, engine, fault, func(r *chaosv1alpha1.ChaosResult) bool {
		return r.Status.ExperimentStatus.Verdict != chaosv1alpha1.ResultVerdictAwaited
	})
}

// AwaitResult returns the ChaosResult of an engine's fault once it meets a condition.
func (n *Namespace) AwaitResult(
	ctx context.Context, engine, fault string, condition func(*chaosv1alpha1.ChaosResult) bool,
) (*chaosv1alpha1.ChaosResult, error) {
	results := n.Litmus.LitmuschaosV1alpha1().ChaosResults(n.Name)
	lw := ByName(engine+"-"+fault, results)
	event, err := watchtools.UntilWithSync(ctx, lw, &chaosv1alpha1.ChaosResult{}, nil, func(e watch.Event) (bool, error) {
		r, ok := e.Object.(*chaosv1alpha1.ChaosResult)
		return ok && condition(r), nil
	})
	if err != nil {
		err = errors.Join(err, context.Cause(ctx))
		return nil, fmt.Errorf("waiting for the ChaosResult of %s/%s: %w", n.Name, engine, err)
	}
	return event.Object.(*chaosv1alpha1.ChaosResult), nil
}

// AwaitCompleted returns an engine once the operator has marked it completed.
func (n *Namespace) AwaitCompleted(ctx context.Context, name string) (*chaosv1alpha1.ChaosEngine, error) {
	return n.AwaitStatus(ctx, name, chaosv1alpha1.EngineStatusCompleted)
}

// AwaitStatus returns an engine once the operator has set its status.
func (n *Namespace) AwaitStatus(
	ctx context.Context, name string, status chaosv1alpha1.EngineStatus,
) (*chaosv1alpha1.ChaosEngine, error) {
	engines := n.Litmus.LitmuschaosV1alpha1().ChaosEngines(n.Name)
	hasStatus := func(e watch.Event) (bool, error) {
		engine, ok := e.Object.(*chaosv1alpha1.ChaosEngine)
		return ok && engine.Status.EngineStatus == status, nil
	}
	event, err := watchtools.UntilWithSync(ctx, ByName(name, engines), &chaosv1alpha1.ChaosEngine{}, nil, hasStatus)
	if err != nil {
		return nil, fmt.Errorf("waiting for ChaosEngine %s/%s to be %s: %w", n.Name, name, status, err)
	}
	return event.Object.(*chaosv1alpha1.ChaosEngine), nil
}

// AwaitEvent waits for an event with a reason on an engine. Litmus reports the progress of
// a fault with such events.
func (n *Namespace) AwaitEvent(ctx context.Context, engine, reason string) error {
	selected := fields.Set{"involvedObject.kind": "ChaosEngine", "involvedObject.name": engine, "reason": reason}
	lw := selecting(metav1.ListOptions{FieldSelector: selected.AsSelector().String()}, n.Kube.CoreV1().Events(n.Name))
	exists := func(e watch.Event) (bool, error) { return e.Type != watch.Deleted, nil }
	if _, err := watchtools.UntilWithSync(ctx, lw, &corev1.Event{}, nil, exists); err != nil {
		return fmt.Errorf("waiting for an event %s on ChaosEngine %s/%s: %w", reason, n.Name, engine, err)
	}
	return nil
}

// AwaitRunning returns a pod once it is running.
func (n *Namespace) AwaitRunning(ctx context.Context, pod string) (*corev1.Pod, error) {
	return n.AwaitPod(ctx, pod, "to run", func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodRunning })
}

// AwaitPod returns a pod once it meets a condition. An error names the condition with the text of what.
func (n *Namespace) AwaitPod(
	ctx context.Context, pod, what string, condition func(*corev1.Pod) bool,
) (*corev1.Pod, error) {
	lw := ByName(pod, n.Kube.CoreV1().Pods(n.Name))
	event, err := watchtools.UntilWithSync(ctx, lw, &corev1.Pod{}, nil, func(e watch.Event) (bool, error) {
		p, ok := e.Object.(*corev1.Pod)
		return ok && condition(p), nil
	})
	if err != nil {
		return nil, fmt.Errorf("waiting for pod %s/%s %s: %w", n.Name, pod, what, err)
	}
	return event.Object.(*corev1.Pod), nil
}

// Log returns the log of an engine's experiment so far.
func (n *Namespace) Log(ctx context.Context, engine string) (string, error) {
	found, err := n.Litmus.LitmuschaosV1alpha1().ChaosEngines(n.Name).Get(ctx, engine, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	ofExperiment := metav1.ListOptions{LabelSelector: "job-name,chaosUID=" + string(found.UID)}
	pods, err := n.Kube.CoreV1().Pods(n.Name).List(ctx, ofExperiment)
	if err != nil {
		return "", err
	}
	var all strings.Builder
	for _, pod := range pods.Items {
		options := &corev1.PodLogOptions{Container: n.experimentContainer(pod)}
		stream, err := n.Kube.CoreV1().Pods(n.Name).GetLogs(pod.Name, options).Stream(ctx)
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

// experimentContainer returns the name of the container that runs the experiment: the one
// with its image, because a sidecar may have been injected before it. A pod of another fault
// has one container.
func (n *Namespace) experimentContainer(pod corev1.Pod) string {
	for _, c := range pod.Spec.Containers {
		if c.Image == n.Image {
			return c.Name
		}
	}
	return pod.Spec.Containers[0].Name
}

// ParseResult returns the result at the end of an experiment's log.
func ParseResult(log string) (result.Result, error) {
	for line := range strings.Lines(log) {
		if strings.HasPrefix(line, `{"schema":`) {
			var r result.Result
			return r, json.Unmarshal([]byte(line), &r)
		}
	}
	return result.Result{}, errors.New("the log has no result")
}

// Timeout is enough for one short run, from the engine to the result.
const Timeout = 4 * time.Minute
