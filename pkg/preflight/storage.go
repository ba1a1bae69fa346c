package preflight

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"

	"github.com/volume-durability/volume-durability/pkg/advice"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/run"
)

// checkClasses checks whether the StorageClasses of the run exist, and whether the pods may write to their volumes.
// classErr is why the StorageClasses of the cluster could not be listed.
func checkClasses(
	ctx context.Context, client kubernetes.Interface, classes []storagev1.StorageClass, classErr error,
	opts options.Values, cells []run.PlannedCell,
) []Check {
	if classErr != nil {
		return []Check{{"StorageClasses", Warning, fmt.Sprintf("not checked: %v", classErr)}}
	}
	checks := []Check{checkNames(classes, opts)}
	if opts.VolumeSource == options.Claim && opts.ExistingClaim == "" {
		checks = append(checks, checkVolumeGroup(ctx, client, classes, cells))
	}
	return checks
}

func checkNames(classes []storagev1.StorageClass, opts options.Values) Check {
	const check = "StorageClasses"
	existing, hasDefault := map[string]bool{}, false
	var names []string
	for _, c := range classes {
		name := c.Name
		existing[name] = true
		if kube.IsDefault(c) {
			hasDefault = true
			name += " (default)"
		}
		names = append(names, name)
	}
	found := strings.Join(names, ", ")
	if opts.VolumeSource == options.EmptyDir || opts.ExistingClaim != "" {
		return Check{check, Passed, found}
	}
	for _, class := range opts.StorageClasses {
		switch {
		case class == "" && !hasDefault:
			return Check{check, Failed, "no default StorageClass" +
				advice.Sentence("set STORAGE_CLASS to one of: "+found)}
		case class == options.AllStorageClasses && len(names) == 0:
			return Check{check, Failed, "the cluster has no StorageClass"}
		case class != "" && class != options.AllStorageClasses && !existing[class]:
			return Check{check, Failed, class + " does not exist" + advice.Sentence("set STORAGE_CLASS to one of: "+found)}
		}
	}
	return Check{check, Passed, found}
}

// checkVolumeGroup checks whether the kubelet gives the group of the pods write access to the volumes (fsGroup).
func checkVolumeGroup(
	ctx context.Context, client kubernetes.Interface, classes []storagev1.StorageClass, cells []run.PlannedCell,
) Check {
	const check = "fsGroupPolicy"
	var problems, notes []string
	for _, c := range cells {
		plan, security := c.Spec, c.Writer.Spec.SecurityContext
		isFile := plan.VolumeSource == options.Claim && plan.VolumeMode != corev1.PersistentVolumeBlock
		if !isFile || security == nil || security.FSGroup == nil || ptr.Deref(security.RunAsUser, -1) == 0 {
			continue
		}
		i := slices.IndexFunc(classes, func(s storagev1.StorageClass) bool {
			return s.Name == plan.StorageClass || plan.StorageClass == "" && kube.IsDefault(s)
		})
		if i < 0 {
			continue
		}
		driver, err := kube.Client{API: client}.CSIDriver(ctx, classes[i].Provisioner)
		switch {
		case err == nil && driver == nil:
			notes = append(notes, fmt.Sprintf("StorageClass %s: %s is not a CSI driver, so it has no fsGroupPolicy; only a run "+
				"shows whether the pods may write to its volumes", classes[i].Name, classes[i].Provisioner))
		case err != nil:
			return Check{check, Warning, fmt.Sprintf("not checked: %v", err)}
		default:
			if reason := groupIgnored(driver, plan.AccessMode); reason != "" {
				problem := fmt.Sprintf("StorageClass %s: CSI driver %s has fsGroupPolicy %s",
					classes[i].Name, driver.Name, reason)
				problems = append(problems, problem)
			}
		}
	}
	if len(problems) == 0 {
		slices.Sort(notes)
		message := strings.Join(append([]string{"no CSI driver of the run ignores the group of the pods"},
			slices.Compact(notes)...), "; ")
		return Check{check, Passed, message}
	}
	slices.Sort(problems)
	return Check{check, Warning, strings.Join(slices.Compact(problems), "; ") + ": the root of the volume may not be " +
		"writable for the pods" + advice.Sentence("if the run ends with \"permission denied\", set RUN_AS_USER to the user "+
		"that owns the root of the volume")}
}

// groupIgnored returns the policy with which a driver ignores fsGroup, and when; empty if it does not ignore it.
func groupIgnored(driver *storagev1.CSIDriver, mode corev1.PersistentVolumeAccessMode) string {
	switch ptr.Deref(driver.Spec.FSGroupPolicy, storagev1.ReadWriteOnceWithFSTypeFSGroupPolicy) {
	case storagev1.NoneFSGroupPolicy:
		return string(storagev1.NoneFSGroupPolicy)
	case storagev1.ReadWriteOnceWithFSTypeFSGroupPolicy:
		if mode == corev1.ReadWriteMany {
			return string(storagev1.ReadWriteOnceWithFSTypeFSGroupPolicy) + ", which ignores ReadWriteMany"
		}
	}
	return ""
}

// checkBlockOwnership names what only a run can check: whether the container runtimes give a raw block device
// to the user of the pods. It returns no check if the run uses no device.
func checkBlockOwnership(found *nodes, cells []run.PlannedCell) []Check {
	usesDevice := slices.ContainsFunc(cells, func(c run.PlannedCell) bool {
		security := c.Writer.Spec.SecurityContext
		isRoot := security != nil && ptr.Deref(security.RunAsUser, -1) == 0
		return len(kube.ContainerOf(c.Writer).VolumeDevices) > 0 && !isRoot
	})
	if !usesDevice {
		return nil
	}
	message := "not checked: only a run shows whether a raw block device belongs to the user of the pods" +
		advice.Sentence(kube.DeviceOwnershipAdvice)
	if found != nil {
		var runtimes []string
		for _, n := range found.all {
			runtimes = append(runtimes, n.Status.NodeInfo.ContainerRuntimeVersion)
		}
		slices.Sort(runtimes)
		runtimes = slices.DeleteFunc(slices.Compact(runtimes), func(r string) bool { return r == "" })
		if len(runtimes) > 0 {
			message += "; the nodes run " + strings.Join(runtimes, ", ")
		}
	}
	return []Check{{"block device ownership", Warning, message}}
}
