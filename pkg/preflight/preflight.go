// Package preflight checks whether a run is possible on a cluster, without changing anything. It checks the user's
// permissions, the nodes and their logs, StorageClasses, pull secrets and quotas, and whether the API server would
// create each object of the run.
//
// It cannot check whether the nodes can pull the image, or whether a volume can be provisioned, mounted and written.
// Only a run shows that. A check that needs a permission that the user does not have is a warning.
package preflight

import (
	"context"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"

	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/run"
)

// Status is the outcome of a check.
type Status string

const (
	// Passed means that the cluster has what this check looks for.
	Passed Status = "passed"
	// Warning means that a run is possible without some features, or that the check could not be made.
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

// Run checks whether a run is possible on a cluster. If the API server does not answer, Run returns one
// failed check, "API server".
func Run(ctx context.Context, r run.Run) []Check {
	client := r.Kube.API
	version, err := kube.ServerVersion(ctx, client)
	if err != nil {
		return []Check{{"API server", Failed, err.Error()}}
	}
	checks := []Check{checkIdentity(ctx, client), {"API server", Passed, "Kubernetes " + version}}
	classes, classErr := r.Kube.StorageClasses(ctx)
	cells, planErr := plan(r, classes, classErr)
	specs := make([]options.CellSpec, len(cells))
	for i, c := range cells {
		specs[i] = c.Spec
	}
	namespace := checkNamespace(ctx, client, r.Kube.Namespace, firstPod(cells))
	checks = append(checks, namespace...)
	nodeChecks, found := checkNodes(ctx, r, firstPod(cells))
	checks = append(checks, nodeChecks...)
	checks = append(checks, checkWriterNode(ctx, r, firstPod(cells))...)
	checks = append(checks, checkClasses(ctx, client, classes, classErr, r.Options, cells)...)
	checks = append(checks, describeStorage(r.DescribeStorage(ctx, specs, classes, classErr))...)
	checks = append(checks, checkFSGroup(version, r.Options)...)
	checks = append(checks, checkBlockOwnership(found, cells)...)
	if !Ready(namespace) {
		cells = nil // without the namespace, every check of an object fails
	}
	checks = append(checks, checkExistingClaim(ctx, client, r.Kube.Namespace, r.Options, found, firstPod(cells))...)
	checks = append(checks, checkSELinux(ctx, r)...)
	if len(cells) > 0 {
		checks = append(checks, checkPullSecrets(ctx, client, r.Kube.Namespace, firstPod(cells)))
	}
	objects := checkObjects(ctx, r, cells, planErr)
	if len(cells) > 0 {
		checks = append(checks, checkQuota(ctx, r, cells))
	}
	if found != nil && len(found.usable()) > 0 {
		checks = append(checks, checkLogs(ctx, client, r.Kube.Namespace, found.usable()))
	}
	checks = append(checks, checkPermissions(ctx, client, r.Kube.Namespace)...)
	return withoutDoctorAdvice(append(checks, objects...))
}

// withoutDoctorAdvice removes the advice to run doctor: these are the checks of doctor.
func withoutDoctorAdvice(checks []Check) []Check {
	for i := range checks {
		checks[i].Message = strings.ReplaceAll(checks[i].Message, kube.DoctorAdvice, "")
	}
	return checks
}

// plan returns the cells of the run. The error lists the options that are invalid for every cluster. classErr is why
// the StorageClasses could not be listed.
func plan(r run.Run, classes []storagev1.StorageClass, classErr error) ([]run.PlannedCell, error) {
	p, err := r.PlanWith(classes)
	if slices.Contains(r.Options.StorageClasses, options.AllStorageClasses) && classErr != nil {
		return nil, classErr
	}
	if err != nil {
		return nil, err
	}
	return r.PlannedCells(p), r.Validate(p)
}

// firstPod returns the writer of the first cell; nil if there is none. The pods of all cells have the same user, image
// and tolerations.
func firstPod(cells []run.PlannedCell) *corev1.Pod {
	if len(cells) == 0 {
		return nil
	}
	return cells[0].Writer
}

// checkObjects checks with dry-run requests whether the API server would create each object of the cells. planErr is an
// error of the plan.
func checkObjects(ctx context.Context, r run.Run, cells []run.PlannedCell, planErr error) []Check {
	var checks []Check
	if planErr != nil {
		checks = append(checks, Check{"objects", Failed, planErr.Error()})
	}
	for _, result := range r.DryRun(ctx, cells) {
		c := Check{"create " + result.Object, Passed, "dry run succeeded: name, Pod Security, quotas, admission"}
		if result.Err != nil {
			c.Status, c.Message = Failed, result.Err.Error()
		}
		checks = append(checks, c)
	}
	return checks
}
