package kube

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/volume-durability/volume-durability/pkg/advice"
)

// SELinuxError is returned if the pods of a run would have another SELinux label on an existing claim than a running
// pod that uses the claim.
type SELinuxError struct {
	Claim string
	// Pod is the running pod that uses the claim.
	Pod string
	// Label is the SELinux label of that pod, and so the label of the files on the claim. It is empty if the pod sets
	// none: the container runtime then gives each pod another label.
	Label string
	// Ours is the label of the pods of the run; empty if they set none.
	Ours string
}

func (e *SELinuxError) Error() string {
	message := fmt.Sprintf("pod %s uses claim %s with the SELinux label %s, but the pods of the run would have %s",
		e.Pod, e.Claim, orNone(e.Label), orNone(e.Ours))
	if e.Label == "" && e.Ours == "" {
		message = fmt.Sprintf("pod %s uses claim %s on a node with SELinux. Neither that pod nor the pods of the run set a "+
			"label, so each of them gets another one", e.Pod, e.Claim)
	}
	equal := "set spec.securityContext.seLinuxOptions in POD_TEMPLATE to those of that pod"
	if e.Label == "" {
		equal = "set the same seLinuxOptions in that pod and in POD_TEMPLATE"
	}
	return message + ". The container runtime may relabel the files of the claim, and that pod may lose access to them" +
		advice.Sentence(equal+", stop that pod during the run, or set ALLOW_RELABEL=true to accept that")
}

func orNone(label string) string {
	if label == "" {
		return "none"
	}
	return label
}

// CheckSELinux compares the SELinux label of the given pod with that of each running pod that uses the claim and does
// not belong to this run. It returns an SELinuxError if they differ. It asks the API server for the label that the
// given pod would have, because admission may set one. Nothing is created.
//
// If neither pod sets a label, they conflict only on a node that is known to use SELinux.
func (c Client) CheckSELinux(ctx context.Context, claim string, pod *corev1.Pod) error {
	users, err := c.usersOf(ctx, claim)
	if err != nil || len(users) == 0 {
		return err
	}
	existing, err := c.Claim(ctx, claim)
	if err != nil {
		return err
	}
	if existing.Spec.VolumeMode != nil && *existing.Spec.VolumeMode == corev1.PersistentVolumeBlock {
		return nil // a device has no files
	}
	ours := labelsOn(c.admitted(ctx, pod), claim)
	for _, user := range users {
		theirs := labelsOn(&user, claim)
		if slices.Equal(theirs, ours) && (ours[0] != "" || !c.usesSELinux(ctx, user.Spec.NodeName)) {
			continue
		}
		return &SELinuxError{
			Claim: claim, Pod: user.Name, Label: strings.Join(theirs, " and "), Ours: strings.Join(ours, " and "),
		}
	}
	return nil
}

// admitted returns the pod that the API server would create; the given one if it would create none.
func (c Client) admitted(ctx context.Context, pod *corev1.Pod) *corev1.Pod {
	created, err := c.API.CoreV1().Pods(c.Namespace).Create(ctx, pod, dryRun)
	if err != nil {
		c.Log.WithError(err).Info("Could not look up the SELinux label of the pods; using that of the template")
		return pod
	}
	return created
}

// labelsOn returns the SELinux labels with which the containers of a pod use a claim, sorted and without duplicates. It
// has an empty label for containers without one.
func labelsOn(pod *corev1.Pod, claim string) []string {
	var own *corev1.SELinuxOptions
	if pod.Spec.SecurityContext != nil {
		own = pod.Spec.SecurityContext.SELinuxOptions
	}
	var labels []string
	for _, container := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		if !mountsClaim(pod, &container, claim) {
			continue
		}
		options := own
		if s := container.SecurityContext; s != nil && s.SELinuxOptions != nil {
			options = s.SELinuxOptions
		}
		labels = append(labels, fileLabel(options))
	}
	if labels == nil { // the kubelet prepares the volume even if no container mounts it
		labels = []string{fileLabel(own)}
	}
	slices.Sort(labels)
	return slices.Compact(labels)
}

func mountsClaim(pod *corev1.Pod, container *corev1.Container, claim string) bool {
	return slices.ContainsFunc(pod.Spec.Volumes, func(v corev1.Volume) bool {
		return v.PersistentVolumeClaim != nil && v.PersistentVolumeClaim.ClaimName == claim &&
			slices.ContainsFunc(container.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == v.Name })
	})
}

// fileLabel returns the part of a label that decides the label of files: the user and the level. The role and the type
// of a pod's label apply to its processes, not to the files.
func fileLabel(o *corev1.SELinuxOptions) string {
	if o == nil || o.User == "" && o.Level == "" {
		return ""
	}
	return strings.TrimPrefix(o.User+":"+o.Level, ":")
}

// selinuxNodeLabel is a label that Node Feature Discovery sets on nodes whose kernel enforces or logs SELinux rules
// (kubernetes-sigs.github.io/node-feature-discovery, "Feature labels").
const selinuxNodeLabel = "feature.node.kubernetes.io/kernel-selinux.enabled"

// selinuxSystems are the beginnings of the OS images of systems that always run containers with SELinux.
var selinuxSystems = []string{"Red Hat Enterprise Linux CoreOS", "Bottlerocket OS"}

// usesSELinux reports whether a node is known to use SELinux. Without the permission to read nodes, none is.
func (c Client) usesSELinux(ctx context.Context, name string) bool {
	nodes, err := c.Nodes(ctx)
	if err != nil {
		c.Log.WithError(err).Info("Could not look up whether the node of the claim uses SELinux; assuming that it does not")
		return false
	}
	return slices.ContainsFunc(nodes, func(n corev1.Node) bool {
		return n.Name == name && (n.Labels[selinuxNodeLabel] == "true" ||
			slices.ContainsFunc(selinuxSystems, func(system string) bool {
				return strings.HasPrefix(n.Status.NodeInfo.OSImage, system)
			}))
	})
}
