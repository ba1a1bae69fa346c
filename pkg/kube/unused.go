package kube

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// UnusedPeriod is a time in which no pod used a claim, as the claim's condition Unused reports it. It begins when
// the last pod has ended or was deleted. The kubelet may unmount the volume later.
type UnusedPeriod struct {
	// Since is when the condition became true, by the clock of the control plane. It has whole seconds.
	Since time.Time
	// Seen is when the condition was first observed to be true, Ended when it was first observed to be false again, by
	// the clock of this program. Ended is zero if that was not observed.
	Seen, Ended time.Time
}

// claimUse records the condition Unused of a claim. Kubernetes sets it since 1.37.
type claimUse struct {
	// reported is set if the claim has the condition.
	reported bool
	unused   []UnusedPeriod
}

// record records the condition of a claim that was observed now.
func (u *claimUse) record(c *corev1.PersistentVolumeClaim, now time.Time) {
	i := slices.IndexFunc(c.Status.Conditions, func(condition corev1.PersistentVolumeClaimCondition) bool {
		return condition.Type == corev1.PersistentVolumeClaimUnused
	})
	if i < 0 {
		return
	}
	u.reported = true
	condition := c.Status.Conditions[i]
	isUnused, since := condition.Status == corev1.ConditionTrue, condition.LastTransitionTime.UTC()
	if last := len(u.unused) - 1; last >= 0 && u.unused[last].Ended.IsZero() {
		if isUnused && u.unused[last].Since.Equal(since) {
			return
		}
		u.unused[last].Ended = now
	}
	if isUnused {
		u.unused = append(u.unused, UnusedPeriod{Since: since, Seen: now})
	}
}

// UnusedPeriods returns the times in which no pod used a claim of a run, in chronological order. Reported is false if
// the claim has no condition Unused, or was not created by a run.
func (c Client) UnusedPeriods(claim types.UID) (periods []UnusedPeriod, reported bool) {
	o := c.observer
	o.mu.Lock()
	defer o.mu.Unlock()
	if observed := o.claims[claim]; observed != nil {
		return slices.Clone(observed.use.unused), observed.use.reported
	}
	return nil, false
}
