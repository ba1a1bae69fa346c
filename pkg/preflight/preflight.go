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

	corev1 "k8s.io/api/core/v1"

	"github.com/volume-durability/volume-durability/pkg/kube"
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

// Run checks whether a run is possible on a cluster. If the API server does not answer, Run returns only that check.
func Run(ctx context.Context, r run.Run) []Check {
	client := r.Kube.API
	version, err := kube.ServerVersion(ctx, client)
	if err != nil {
		return []Check{{"API server", Failed, err.Error()}}
	}
	checks := []Check{checkIdentity(ctx, client), {"API server", Passed, "Kubernetes " + version}}
	// Invalid options are reported by checkObjects, and StorageClasses that cannot be listed by checkClasses.
	cells, _ := r.PlannedCells(ctx)
	checks = append(checks, checkNamespace(ctx, client, r.Kube.Namespace, firstPod(cells))...)
	nodeChecks, found := checkNodes(ctx, client, r.Options, firstPod(cells))
	checks = append(checks, nodeChecks...)
	checks = append(checks, checkWriterNode(ctx, r, firstPod(cells))...)
	checks = append(checks, checkClasses(ctx, client, r.Options, cells)...)
	checks = append(checks, checkFSGroup(version, r.Options)...)
	checks = append(checks, checkBlockOwnership(found, cells)...)
	checks = append(checks, checkExistingClaim(ctx, client, r.Kube.Namespace, r.Options)...)
	checks = append(checks, checkSELinux(ctx, r)...)
	if len(cells) > 0 {
		checks = append(checks, checkPullSecrets(ctx, client, r.Kube.Namespace, firstPod(cells)),
			checkQuota(ctx, client, r.Kube.Namespace, r.Options, cells))
	}
	if found != nil && len(found.usable()) > 0 {
		checks = append(checks, checkLogs(ctx, client, r.Kube.Namespace, found.usable()))
	}
	checks = append(checks, checkPermissions(ctx, client, r.Kube.Namespace)...)
	return append(checks, checkObjects(ctx, r)...)
}

// firstPod returns the writer of the first cell; nil if there is none. The pods of all cells have the same user, image
// and tolerations.
func firstPod(cells []run.PlannedCell) *corev1.Pod {
	if len(cells) == 0 {
		return nil
	}
	return cells[0].Writer
}

// checkObjects checks with dry-run requests whether the API server would create each object of the run.
func checkObjects(ctx context.Context, r run.Run) []Check {
	results, err := r.DryRun(ctx)
	var checks []Check
	if err != nil {
		checks = append(checks, Check{"objects", Failed, err.Error()})
	}
	for _, result := range results {
		c := Check{"create " + result.Object, Passed, "dry run succeeded: name, Pod Security, quotas, admission"}
		if result.Err != nil {
			c.Status, c.Message = Failed, result.Err.Error()
		}
		checks = append(checks, c)
	}
	return checks
}
