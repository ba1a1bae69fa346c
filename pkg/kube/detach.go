package kube

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// ForcedDetachAfter is the time after which the attach-detach controller detaches a volume by force. If a node is
// NotReady, the controller waits this long for the node to unmount the volume (ReconcilerMaxWaitForUnmountDuration in
// k8s.io/kubernetes/pkg/controller/volume/attachdetach/attach_detach_controller.go).
const ForcedDetachAfter = 6 * time.Minute

// forcedDetachText is part of the explanation by nodeLeaving.
const forcedDetachText = "Kubernetes detaches the volume by force after"

// elsewhereTexts are parts of messages about a volume that is attached to another node: that of the attach-detach
// controller, and those of drivers.
var elsewhereTexts = []string{
	"already exclusively attached", "attached to different node", "already attached to node", "is already attached to",
	"RESOURCE_IN_USE_BY_ANOTHER_RESOURCE", "VolumeInUse",
}

func isAttachedElsewhere(e corev1.Event) bool {
	return e.Reason == "FailedAttachVolume" &&
		slices.ContainsFunc(elsewhereTexts, func(text string) bool { return strings.Contains(e.Message, text) })
}

// nodeLeaving explains why the node that still has the volume of a pod may not detach it: the node is gone, is not
// ready, or is being drained, and the time until Kubernetes detaches the volume by force has not passed. It returns an
// empty string if the node should have detached the volume. If nodes cannot be read, the node may be gone.
func (c Client) nodeLeaving(pod *corev1.Pod, volumes []string) string {
	if waited := c.waited(pod); waited >= ForcedDetachAfter {
		return ""
	}
	for _, name := range c.holders(pod, volumes) {
		if state := c.leavingState(name); state != "" {
			return fmt.Sprintf("the volume is still attached to node %s, %s; %s %s",
				name, state, forcedDetachText, ForcedDetachAfter)
		}
	}
	return ""
}

func (c Client) leavingState(name string) string {
	node, known := c.readNode(name)
	switch {
	case !known:
		return "whose state is not known without rbac-optional.yaml"
	case node == nil:
		return "which no longer exists"
	case notReady(node) != "":
		return "which is not ready: " + notReady(node)
	case node.Spec.Unschedulable:
		return "which is being drained"
	}
	return ""
}

// waited returns how long a pod has existed.
func (c Client) waited(pod *corev1.Pod) time.Duration {
	if created := c.PodTimes(pod.UID).CreatedAt; !created.IsZero() {
		return time.Since(created)
	}
	return 0
}

// holders returns the other nodes to which the volumes of a pod are attached. If VolumeAttachments are not visible, it
// returns the nodes on which earlier pods of the run had the same claim.
func (c Client) holders(pod *corev1.Pod, volumes []string) []string {
	if c.observer == nil {
		return nil
	}
	c.observer.mu.Lock()
	defer c.observer.mu.Unlock()
	var nodes []string
	for _, volume := range volumes {
		for _, a := range c.observer.attachments[volume] {
			if a.DeletedAt.IsZero() {
				nodes = append(nodes, a.Node)
			}
		}
	}
	if !c.observer.attachmentsVisible {
		for _, p := range c.observer.pods {
			if c.isOfThisRun(p.latest) && slices.Equal(claimsOf(p.latest), claimsOf(pod)) {
				nodes = append(nodes, p.latest.Spec.NodeName)
			}
		}
	}
	slices.Sort(nodes)
	return slices.DeleteFunc(slices.Compact(nodes), func(n string) bool { return n == "" || n == pod.Spec.NodeName })
}
