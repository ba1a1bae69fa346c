package kube

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// UnsupportedError says that the cluster cannot do what was asked for, in its words. No
// waiting would change that.
type UnsupportedError struct {
	Object, Message string
}

func (u *UnsupportedError) Error() string {
	return fmt.Sprintf("%s: the cluster cannot do this: %s%s", u.Object, u.Message, Hint(u.Message))
}

// lastingCodes are those of CSI by which a driver says that it will never make such a
// volume (spec.md, "Error Scheme"). Where there is a code, no word says more than it;
// but "Unknown" is that of drivers that give none.
var lastingCodes = []string{"code = invalidargument", "code = unimplemented"}

// lastingWords are what provisioners without codes are known to say of that.
var lastingWords = []string{"not supported", "unsupported", "only support", "does not support"}

// isRefusal says whether a provisioner's error is one that lasts.
func isRefusal(message string) bool {
	message = strings.ToLower(message)
	said := func(what string) bool { return strings.Contains(message, what) }
	if said("code = ") && !said("code = unknown") {
		return slices.ContainsFunc(lastingCodes, said)
	}
	return slices.ContainsFunc(lastingWords, said)
}

// offNode are the scheduler's reasons that concern nothing but which nodes a pod
// and its volume may be on.
var offNode = []string{
	"didn't match PersistentVolume's node affinity", "had volume node affinity conflict",
	"didn't match Pod's node affinity/selector", "didn't satisfy plugin(s) [NodeAffinity]",
}

var countedNodes = regexp.MustCompile(`^\d+ node\(s\) `)

// isBoundToNode says of a pod that cannot be scheduled that its volume is only on
// nodes where the pod may not run. It lasts, unless nodes come and go.
func isBoundToNode(pod *corev1.Pod) (said string, is bool) {
	for _, c := range pod.Status.Conditions {
		if c.Type != corev1.PodScheduled || c.Reason != corev1.PodReasonUnschedulable {
			continue
		}
		_, reasons, found := strings.Cut(c.Message, "nodes are available: ")
		reasons, _, _ = strings.Cut(reasons, ". ")
		if !found || !strings.Contains(reasons, "PersistentVolume's node affinity") && !strings.Contains(reasons, "volume node affinity conflict") {
			return "", false
		}
		for reason := range strings.SplitSeq(strings.TrimSuffix(reasons, "."), ", ") {
			if !slices.Contains(offNode, countedNodes.ReplaceAllString(reason, "")) {
				return "", false
			}
		}
		return c.Reason + ": " + c.Message, true
	}
	return "", false
}
