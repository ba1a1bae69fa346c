package chaosengine

import (
	"context"
	"fmt"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// allowRunnerToWatchJobs grants tests/chaosrunner to watch the experiment's Job. The real
// chaos-runner watches the Job's pods instead, so the chart does not grant it.
func (n *Namespace) allowRunnerToWatchJobs(ctx context.Context, account string) error {
	meta := metav1.ObjectMeta{Name: "test-chaos-runner", Namespace: n.Name}
	watchJobs := rbacv1.PolicyRule{
		APIGroups: []string{"batch"}, Resources: []string{"jobs"}, Verbs: []string{"list", "watch"},
	}
	role := &rbacv1.Role{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{watchJobs}}
	if _, err := n.Kube.RbacV1().Roles(n.Name).Create(ctx, role, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("creating a Role for the test chaos-runner in %s: %w", n.Name, err)
	}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: meta,
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role.Name},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: account, Namespace: n.Name}},
	}
	if _, err := n.Kube.RbacV1().RoleBindings(n.Name).Create(ctx, binding, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("binding the test chaos-runner to its Role in %s: %w", n.Name, err)
	}
	return nil
}
