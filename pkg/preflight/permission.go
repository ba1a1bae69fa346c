package preflight

import (
	"context"
	"fmt"
	"slices"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/volume-durability/volume-durability/pkg/advice"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/run"
)

// permission is a permission that a run started from the command line uses.
type permission struct {
	group, resource string // a subresource follows a slash
	verbs           []string
	// clusterWide is set if the run uses it in the whole cluster, not in one namespace.
	clusterWide bool
	// lost is what a run lacks without the permission; empty if a run is not possible without it.
	lost string
}

// permissions returns all permissions that a run uses. A test compares them with the roles in charts/.
func permissions() []permission {
	readWrite := []string{"create", "delete", "get", "list", "watch"}
	return []permission{
		{"", "pods", readWrite, false, ""},
		{"", "pods/log", []string{"get"}, false, ""},
		{"", "persistentvolumeclaims", readWrite, false, ""},
		{"", "events", []string{"list", "watch"}, false,
			"the reasons why a pod does not start or a volume is not provisioned"},
		{"", "nodes", []string{"list"}, true, "the detection of Swarm, and the state of a pod's node in errors"},
		{"", "namespaces", []string{"get"}, true,
			"the ID of the cluster, and an early error if the namespace does not exist"},
		{"", "persistentvolumes", []string{"get"}, true, "the provisioner and the handle of the volume"},
		{"storage.k8s.io", "storageclasses", []string{"list"}, true,
			"--storage-classes='*', and the parameters of the StorageClass in the result"},
		{"storage.k8s.io", "volumeattachments", []string{"list", "watch"}, true, "evidence levels above remounted"},
		{"storage.k8s.io", "csidrivers", []string{"get"}, true, "the features of the CSI driver in the result"},
		{"storage.k8s.io", "csinodes", []string{"list"}, true, "the number of nodes of the CSI driver in the result"},
		{"snapshot.storage.k8s.io", "volumesnapshotclasses", []string{"list"}, true,
			"the VolumeSnapshotClasses of the CSI driver in the result"},
		{"apps", "daemonsets", []string{"list"}, true, "the images of the CSI driver in the result"},
		{"", "configmaps", []string{"create", "get", "list"}, false,
			"--keep-in-cluster, and reports on bundles in the cluster"},
	}
}

// checkPermissions checks whether the user has the permissions that a run uses.
func checkPermissions(ctx context.Context, client kubernetes.Interface, namespace string) []Check {
	var checks []Check
	for _, p := range permissions() {
		checks = append(checks, p.check(ctx, client, namespace))
	}
	return checks
}

func (p permission) check(ctx context.Context, client kubernetes.Interface, namespace string) Check {
	if p.clusterWide {
		namespace = metav1.NamespaceAll
	}
	name := "permissions on " + p.resource
	denied, err := p.denied(ctx, client, namespace)
	if err != nil {
		return Check{name, Failed, fmt.Sprintf("asking the API server (SelfSubjectAccessReview): %v", err)}
	}
	verbs := strings.Join(p.verbs, ", ")
	switch {
	case len(denied) == 0:
		return Check{name, Passed, verbs}
	case p.lost != "":
		message := fmt.Sprintf("not allowed to %s; a run is possible, but without %s", strings.Join(denied, ", "), p.lost)
		return Check{name, Warning, message}
	}
	message := fmt.Sprintf("not allowed to %s; a run needs to %s%s",
		strings.Join(denied, ", "), verbs, advice.Sentence("apply rbac.yaml"))
	return Check{name, Failed, message}
}

// denied returns the verbs that the user is not allowed to use.
func (p permission) denied(ctx context.Context, client kubernetes.Interface, namespace string) ([]string, error) {
	resource, subresource, _ := strings.Cut(p.resource, "/")
	var denied []string
	for _, verb := range p.verbs {
		review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
			ResourceAttributes: &authorizationv1.ResourceAttributes{
				Namespace: namespace, Verb: verb, Group: p.group, Resource: resource, Subresource: subresource,
			},
		}}
		answer, err := client.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
		if err != nil {
			return nil, err
		}
		if !answer.Status.Allowed {
			denied = append(denied, verb)
		}
	}
	return denied, nil
}

// CheckRights returns an error if the user may not create or remove what a run creates. If the API server does not
// answer the questions, it returns nil: a request of the run fails then.
func CheckRights(ctx context.Context, r run.Run, plan run.Plan) error {
	needed := []permission{
		{resource: "pods", verbs: []string{"create", "delete"}}, {resource: "pods/log", verbs: []string{"get"}},
	}
	createsClaim := func(c options.CellSpec) bool { return c.VolumeSource == options.Claim && c.ExistingClaim == "" }
	if slices.ContainsFunc(plan.NotSkipped(), createsClaim) {
		needed = append(needed, permission{resource: "persistentvolumeclaims", verbs: []string{"create", "delete"}})
	}
	var missing []string
	for _, p := range needed {
		denied, err := p.denied(ctx, r.Kube.API, r.Kube.Namespace)
		if err != nil {
			return nil
		}
		for _, verb := range denied {
			missing = append(missing, verb+" "+p.resource)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("you are not allowed to %s in namespace %s%s", strings.Join(missing, ", "), r.Kube.Namespace,
		advice.Sentence("grant the permissions in rbac.yaml"+kube.DoctorAdvice))
}
