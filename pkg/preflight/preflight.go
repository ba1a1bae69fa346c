// Package preflight tells whether a cluster can run what is asked for, without changing
// anything: what the API server allows, what it has, and what it would say to every
// object that a run would make.
//
// It does not tell whether nodes can pull the image, nor whether a volume can be made,
// mounted or written: that takes a run.
package preflight

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/run"
)

// Answer is what a check comes to.
type Answer string

// The answers. Without says that a run does without it, and loses something.
const (
	Yes     Answer = "yes"
	No      Answer = "no"
	Without Answer = "without"
)

// Check is one question and its answer.
type Check struct {
	What   string `json:"what"`
	Answer Answer `json:"answer"`
	Said   string `json:"said"`
}

// Ready says whether no check stands in a run's way.
func Ready(all []Check) bool {
	for _, c := range all {
		if c.Answer == No {
			return false
		}
	}
	return true
}

// Run asks all questions about a run. One that cannot be answered is a No that says why.
func Run(ctx context.Context, r run.Run) []Check {
	client := r.Kube.API
	version, err := kube.ServerVersion(ctx, client)
	if err != nil {
		return []Check{{"API server", No, err.Error()}}
	}
	all := []Check{{"API server", Yes, "Kubernetes " + version}}
	all = append(all, namespace(ctx, client, r.Kube.Namespace))
	all = append(all, nodes(ctx, client, r.Settings)...)
	all = append(all, classes(ctx, client, r.Settings))
	all = append(all, permitted(ctx, client, r.Kube.Namespace)...)
	return append(all, rehearsed(ctx, r)...)
}

func namespace(ctx context.Context, client kubernetes.Interface, name string) Check {
	const what = "namespace"
	ns, err := client.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return Check{what, No, fmt.Sprintf("%s does not exist: kubectl create namespace %s", name, name)}
	case err != nil:
		return Check{what, Without, fmt.Sprintf("whether %s exists may not be seen", name)}
	}
	said := name
	if level := ns.Labels["pod-security.kubernetes.io/enforce"]; level != "" {
		said += ", Pod Security " + level
	}
	return Check{what, Yes, said}
}

func nodes(ctx context.Context, client kubernetes.Interface, s options.Values) []Check {
	list, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return []Check{{"nodes", Without, "may not be seen"}}
	}
	var ready []string
	for _, n := range list.Items {
		if isReady(n) {
			ready = append(ready, n.Name)
		}
	}
	c := Check{"nodes", Yes, fmt.Sprintf("%d of %d ready and schedulable: %s", len(ready), len(list.Items), strings.Join(ready, ", "))}
	needed := 1
	for _, where := range s.ReaderNodes {
		if where == options.OtherNode {
			needed = 2
		}
	}
	if len(ready) < needed {
		c.Answer = No
		c.Said += fmt.Sprintf("; READER_NODE asks for %d", needed)
	}
	return []Check{c, orchestrator(list.Items, s.Orchestrator)}
}

func isReady(n corev1.Node) bool {
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status == corev1.ConditionTrue && !n.Spec.Unschedulable
		}
	}
	return false
}

// orchestrator says what a run would take for what orchestrates.
func orchestrator(all []corev1.Node, stated options.Orchestrator) Check {
	const what = "orchestrator"
	switch {
	case stated == options.Swarm, stated == options.Auto && run.OnlySwarm(all):
		return Check{what, No, "Swarm: the check is Not Applicable, nothing would be tried"}
	case stated == options.Kubernetes:
		return Check{what, Yes, "Kubernetes, as ORCHESTRATOR states"}
	}
	return Check{what, Yes, "Kubernetes: the nodes' labels do not say that only Swarm does"}
}

func classes(ctx context.Context, client kubernetes.Interface, s options.Values) Check {
	const what = "StorageClasses"
	list, err := client.StorageV1().StorageClasses().List(ctx, metav1.ListOptions{})
	if err != nil {
		return Check{what, Without, "may not be seen"}
	}
	there, standard := map[string]bool{}, ""
	var said []string
	for _, c := range list.Items {
		name := c.Name
		there[name] = true
		if c.Annotations["storageclass.kubernetes.io/is-default-class"] == "true" {
			standard = c.Name
			name += " (default)"
		}
		said = append(said, name)
	}
	listed := strings.Join(said, ", ")
	if s.VolumeSource == options.EmptyDir || s.ExistingClaim != "" {
		return Check{what, Yes, listed}
	}
	for _, class := range s.StorageClasses {
		switch {
		case class == "" && standard == "":
			return Check{what, No, "there is no default class, and none was asked for; there is " + listed}
		case class == options.AllClasses && len(said) == 0:
			return Check{what, No, "there is none"}
		case class != "" && class != options.AllClasses && !there[class]:
			return Check{what, No, fmt.Sprintf("there is no %s; there is %s", class, listed)}
		}
	}
	return Check{what, Yes, listed}
}

// rehearsed asks of everything that the run would make whether it would be taken.
func rehearsed(ctx context.Context, r run.Run) []Check {
	rehearsals, err := r.DryRun(ctx)
	var all []Check
	if err != nil {
		all = append(all, Check{"objects", No, err.Error()})
	}
	for _, one := range rehearsals {
		c := Check{"would take " + one.Object, Yes, "its name, Pod Security, quotas, other admission"}
		if one.Err != nil {
			c.Answer, c.Said = No, one.Err.Error()
		}
		all = append(all, c)
	}
	return all
}
