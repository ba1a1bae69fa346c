package run

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// attemptKey identifies what all attempts of one Job have in common.
func (r Run) attemptKey() string {
	if job := r.Kube.Labels[kube.JobLabel]; job != "" {
		return job
	}
	return r.ID
}

// cleanUpEarlierAttempt removes what an earlier attempt of this run has not removed, and returns why this attempt must
// end in Error; empty if there was none. The ledger was lost with the earlier attempt, so a new one cannot detect a
// loss. Starting again would hide that.
func (r Run) cleanUpEarlierAttempt(ctx context.Context, cells []*cell) (reason string, err error) {
	removed, err := r.Kube.DeletePreviousAttempts(ctx, keptNames(cells)...)
	if err != nil || len(removed) == 0 && !r.IsRetry {
		return "", err
	}
	reason = "an earlier attempt of this run was killed or could not write its ChaosResult, " +
		"and its acknowledgements are lost"
	if len(removed) > 0 {
		reason += ". Removed what it had created: " + strings.Join(removed, ", ")
	}
	folders, err := r.removeFolders(ctx, cells)
	if len(folders) > 0 {
		reason += ". Removed: " + strings.Join(folders, ", ")
	}
	if err != nil {
		reason += ". Not removed: " + err.Error()
	}
	return reason, nil
}

// removeFolders removes the folders that an earlier attempt may have created on existing claims, and returns those
// that no longer exist.
func (r Run) removeFolders(ctx context.Context, cells []*cell) (gone []string, err error) {
	var failures []error
	for _, c := range cells {
		if !c.specs.hasOwnFolder() || c.isKept() {
			continue
		}
		claim := c.result.Spec.ExistingClaim
		// Without its claim the removing pod would never start.
		_, err := c.run.Kube.Claim(ctx, claim)
		if err == nil {
			c.result.Claim = &result.Claim{Name: claim}
			err = c.removeFolder(ctx)
		}
		if err != nil {
			failures = append(failures, err)
			continue
		}
		gone = append(gone, fmt.Sprintf("folder %s of claim %s", path.Base(path.Dir(c.result.JournalFile)), claim))
	}
	return gone, errors.Join(failures...)
}

// keptNames returns the names of the objects that stay after the run.
func keptNames(cells []*cell) []string {
	var names []string
	for _, c := range cells {
		if c.isKept() {
			plan, opts := c.result.Spec, c.run.Options
			names = append(names, plan.ObjectName(opts.ReaderPod), plan.ObjectName(opts.ClaimName))
		}
	}
	return names
}
