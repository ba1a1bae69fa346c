package chaosengine

import (
	"context"
	"errors"
	"fmt"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// OptionalRBAC returns the chart's objects that grant cluster-wide read access to the
// service account of the namespace. Their name is that of the namespace.
func (n *Namespace) OptionalRBAC() (role rbacv1.ClusterRole, binding rbacv1.ClusterRoleBinding, err error) {
	err = n.read("rbac-optional.yaml", &role, &binding)
	if err == nil {
		role.Name, binding.Name, binding.RoleRef.Name, binding.Subjects[0].Namespace = n.Name, n.Name, n.Name, n.Name
	}
	return role, binding, err
}

// GrantOptionalRBAC creates these objects; revoke removes them. It needs rights on the
// whole cluster. If it fails it leaves no object.
func (n *Namespace) GrantOptionalRBAC(ctx context.Context) (revoke func(context.Context) error, err error) {
	role, binding, err := n.OptionalRBAC()
	if err != nil {
		return nil, err
	}
	roles, bindings := n.Kube.RbacV1().ClusterRoles(), n.Kube.RbacV1().ClusterRoleBindings()
	if _, err := roles.Create(ctx, &role, metav1.CreateOptions{}); err != nil {
		return nil, fmt.Errorf("creating ClusterRole %s: %w", role.Name, err)
	}
	if _, err := bindings.Create(ctx, &binding, metav1.CreateOptions{}); err != nil {
		err = fmt.Errorf("creating ClusterRoleBinding %s: %w", binding.Name, err)
		return nil, errors.Join(err, roles.Delete(context.WithoutCancel(ctx), role.Name, metav1.DeleteOptions{}))
	}
	return func(ctx context.Context) error {
		return errors.Join(
			bindings.Delete(ctx, binding.Name, metav1.DeleteOptions{}), roles.Delete(ctx, role.Name, metav1.DeleteOptions{}))
	}, nil
}
