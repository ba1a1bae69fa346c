package preflight

import (
	"context"
	"fmt"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// permission is what a run that a person starts asks of the API server.
type permission struct {
	group, resource string // with a subresource behind a slash
	verbs           []string
	// everywhere says that it is asked for in the cluster, not in a namespace.
	everywhere bool
	// loses is what a run does without it; empty where there is no run without it.
	loses string
}

// permissions are all of them. A test holds them to the charts' Roles.
func permissions() []permission {
	return []permission{
		{"", "pods", []string{"create", "delete", "get", "list", "watch"}, false, ""},
		{"", "pods/log", []string{"get"}, false, ""},
		{"", "persistentvolumeclaims", []string{"create", "delete", "get", "list", "watch"}, false, ""},
		{"", "events", []string{"list", "watch"}, false, "why a pod does not run, and what a provisioner refuses"},
		{"", "nodes", []string{"list"}, true, "whether Swarm orchestrates, and what has become of a pod's node"},
		{"", "namespaces", []string{"get"}, true, "that its namespace is missing is said late, and which cluster it was is not said"},
		{"", "persistentvolumes", []string{"get"}, true, "whose volume it was"},
		{"storage.k8s.io", "storageclasses", []string{"list"}, true, "--storage-classes='*'"},
		{"storage.k8s.io", "volumeattachments", []string{"list", "watch"}, true, "evidence above remounted"},
		{"", "configmaps", []string{"create", "get", "list"}, false, "--keep-in-cluster, and report on what is kept so"},
	}
}

// permitted asks whether the user may do what a run does.
func permitted(ctx context.Context, client kubernetes.Interface, namespace string) []Check {
	var all []Check
	for _, p := range permissions() {
		all = append(all, p.check(ctx, client, namespace))
	}
	return all
}

func (p permission) check(ctx context.Context, client kubernetes.Interface, namespace string) Check {
	if p.everywhere {
		namespace = metav1.NamespaceAll
	}
	resource, sub, _ := strings.Cut(p.resource, "/")
	var denied []string
	for _, verb := range p.verbs {
		review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
			ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: namespace, Verb: verb, Group: p.group, Resource: resource, Subresource: sub},
		}}
		answer, err := client.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
		if err != nil {
			return Check{"may " + p.resource, Failed, fmt.Sprintf("asking whether it is allowed: %v", err)}
		}
		if !answer.Status.Allowed {
			denied = append(denied, verb)
		}
	}
	what := "may use " + p.resource
	verbs := strings.Join(p.verbs, ", ")
	switch {
	case len(denied) == 0:
		return Check{what, OK, verbs}
	case p.loses != "":
		return Check{what, Warning, fmt.Sprintf("not allowed to %s: a run does without, but loses %s", strings.Join(denied, ", "), p.loses)}
	}
	return Check{what, Failed, fmt.Sprintf("not allowed to %s; a run needs to %s: see rbac.yaml", strings.Join(denied, ", "), verbs)}
}
