// Package preflight checks whether a run is possible on a cluster, without changing anything. It checks the user's
// permissions, the nodes and StorageClasses, and whether the API server would create each object of the run.
//
// It cannot check whether the nodes can pull the image, or whether a volume can be provisioned, mounted and written.
// Only a run shows that.
package preflight

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/run"
)

// Status is the outcome of a check.
type Status string

const (
	// OK means that the run has what it needs.
	OK Status = "ok"
	// Warning means that a run is possible without some of its features, or that the check was not possible.
	Warning Status = "warning"
	// Failed means that a run is not possible.
	Failed Status = "failed"
)

// Check is one check and its outcome.
type Check struct {
	Name    string `json:"name"`
	Status  Status `json:"status"`
	Message string `json:"message"`
}

// Ready reports whether no check has failed.
func Ready(checks []Check) bool {
	return !slices.ContainsFunc(checks, func(c Check) bool { return c.Status == Failed })
}

// Run checks whether a cluster can do a run. If the API server does not answer, that is the only check.
func Run(ctx context.Context, r run.Run) []Check {
	client := r.Kube.API
	version, err := kube.ServerVersion(ctx, client)
	if err != nil {
		return []Check{{"API server", Failed, err.Error()}}
	}
	checks := []Check{{"API server", OK, "Kubernetes " + version}}
	checks = append(checks, checkNamespace(ctx, client, r.Kube.Namespace))
	checks = append(checks, checkNodes(ctx, client, r.Options)...)
	checks = append(checks, checkClasses(ctx, client, r.Options))
	checks = append(checks, checkFSGroup(version, r.Options)...)
	checks = append(checks, checkPermissions(ctx, client, r.Kube.Namespace)...)
	return append(checks, checkObjects(ctx, r)...)
}

func checkNamespace(ctx context.Context, client kubernetes.Interface, name string) Check {
	const check = "namespace"
	namespace, err := client.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		message := fmt.Sprintf("%s does not exist. What to do: kubectl create namespace %s", name, name)
		return Check{check, Failed, message}
	case err != nil:
		return Check{check, Warning, fmt.Sprintf("unknown whether %s exists: %v", name, err)}
	}
	message := name
	if level := namespace.Labels["pod-security.kubernetes.io/enforce"]; level != "" {
		message += ", Pod Security " + level
	}
	return Check{check, OK, message}
}

func checkNodes(ctx context.Context, client kubernetes.Interface, opts options.Values) []Check {
	const check = "nodes"
	list, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return []Check{{check, Warning, fmt.Sprintf("unknown: %v", err)}}
	}
	var ready []string
	usable := slices.DeleteFunc(slices.Clone(list.Items), func(n corev1.Node) bool { return !isLinux(n) })
	for _, n := range usable {
		if isReady(n) {
			ready = append(ready, n.Name)
		}
	}
	message := fmt.Sprintf("%d of %d ready and schedulable: %s", len(ready), len(usable), strings.Join(ready, ", "))
	if others := len(list.Items) - len(usable); others > 0 {
		message += fmt.Sprintf("; not used because they do not run Linux: %d", others)
	}
	c := Check{check, OK, message}
	needed := 1
	if slices.Contains(opts.ReaderNodes, options.OtherNode) {
		needed = 2
	}
	if len(ready) < needed {
		c.Status = Failed
		c.Message += fmt.Sprintf("; READER_NODE needs %d", needed)
	}
	return []Check{c, checkOrchestrator(list.Items, opts.Orchestrator)}
}

// isLinux reports whether a node runs Linux. A node without the label, which every kubelet sets, counts as one that
// does.
func isLinux(n corev1.Node) bool {
	system := n.Labels[corev1.LabelOSStable]
	return system == "" || system == string(corev1.Linux)
}

// isReady reports whether a node can run a new pod.
func isReady(n corev1.Node) bool {
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status == corev1.ConditionTrue && !n.Spec.Unschedulable
		}
	}
	return false
}

// checkOrchestrator decides as a run does whether Kubernetes or Swarm orchestrates.
func checkOrchestrator(nodes []corev1.Node, option options.Orchestrator) Check {
	const check = "orchestrator"
	switch {
	case option == options.Swarm, option == options.Auto && run.OnlySwarm(nodes):
		return Check{check, Failed, "Swarm: the rule is Not Applicable, so there is nothing to test"}
	case option == options.Kubernetes:
		return Check{check, OK, "Kubernetes (set by ORCHESTRATOR)"}
	}
	return Check{check, OK, "Kubernetes: no node label says that only Swarm is used"}
}

func checkClasses(ctx context.Context, client kubernetes.Interface, opts options.Values) Check {
	const check = "StorageClasses"
	list, err := client.StorageV1().StorageClasses().List(ctx, metav1.ListOptions{})
	if err != nil {
		return Check{check, Warning, fmt.Sprintf("unknown: %v", err)}
	}
	existing, hasDefault := map[string]bool{}, false
	var names []string
	for _, c := range list.Items {
		name := c.Name
		existing[name] = true
		if c.Annotations["storageclass.kubernetes.io/is-default-class"] == "true" {
			hasDefault = true
			name += " (default)"
		}
		names = append(names, name)
	}
	found := strings.Join(names, ", ")
	if opts.VolumeSource == options.EmptyDir || opts.ExistingClaim != "" {
		return Check{check, OK, found}
	}
	for _, class := range opts.StorageClasses {
		switch {
		case class == "" && !hasDefault:
			return Check{check, Failed, "no default StorageClass. What to do: set STORAGE_CLASS to one of: " + found}
		case class == options.AllClasses && len(names) == 0:
			return Check{check, Failed, "the cluster has no StorageClass"}
		case class != "" && class != options.AllClasses && !existing[class]:
			return Check{check, Failed, fmt.Sprintf("%s does not exist. What to do: use one of: %s", class, found)}
		}
	}
	return Check{check, OK, found}
}

// checkObjects checks with dry-run requests whether the API server would create each object of the run.
func checkObjects(ctx context.Context, r run.Run) []Check {
	results, err := r.DryRun(ctx)
	var checks []Check
	if err != nil {
		checks = append(checks, Check{"objects", Failed, err.Error()})
	}
	for _, result := range results {
		c := Check{"create " + result.Object, OK, "dry run succeeded: name, Pod Security, quotas, admission"}
		if result.Err != nil {
			c.Status, c.Message = Failed, result.Err.Error()
		}
		checks = append(checks, c)
	}
	return checks
}
