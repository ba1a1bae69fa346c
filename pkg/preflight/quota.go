package preflight

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/volume-durability/volume-durability/pkg/advice"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/run"
)

// checkQuota checks whether the quotas of the namespace have room for all objects of the run that exist at the same
// time. The dry run checks one object at a time. A cell has one pod at a time: the writer is gone before its successor
// or the reader starts. But a quota counts a deleted object until its controller has noticed the deletion, and the API
// server rejects a new object until then, so a cell needs room for two pods.
func checkQuota(ctx context.Context, r run.Run, cells []run.PlannedCell) Check {
	const check = "quotas"
	namespace := r.Kube.Namespace
	quotas, err := r.Kube.API.CoreV1().ResourceQuotas(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return Check{check, Warning, fmt.Sprintf("not checked: %v", err)}
	}
	if len(quotas.Items) == 0 {
		return Check{check, Passed, "the namespace has none"}
	}
	atOnce := min(len(cells), max(1, r.Options.ParallelCells))
	needed, soon := usageOf(cells, atOnce, r.Options.Keep)
	var lacking, scarce, scoped []string
	for _, q := range quotas.Items {
		if len(q.Spec.Scopes) > 0 || q.Spec.ScopeSelector != nil {
			scoped = append(scoped, q.Name)
			continue
		}
		lacking = append(lacking, shortages(q, needed)...)
		scarce = append(scarce, shortages(q, soon)...)
	}
	const why = "a quota counts a deleted object until its controller has noticed the deletion"
	less := ""
	if atOnce > 1 {
		less = fmt.Sprintf("; or test fewer than %s at once: PARALLEL_CELLS", judge.Count(atOnce, "cell"))
	}
	switch {
	case len(lacking) > 0:
		return Check{check, Failed, strings.Join(lacking, "; ") + ". Each cell needs room for two pods, because " + why +
			advice.Sentence("raise the quota: kubectl describe quota -n "+namespace+less)}
	case len(scarce) > 0:
		return Check{check, Warning, strings.Join(scarce, "; ") + " for a moment: " + why +
			advice.Sentence("raise the quota"+less)}
	case len(scoped) > 0:
		return Check{check, Warning, "not checked, because of their scopes: " + strings.Join(scoped, ", ")}
	}
	return Check{check, Passed, roomFor(atOnce)}
}

func roomFor(cells int) string {
	if cells == 1 {
		return "room for the objects of one cell"
	}
	return fmt.Sprintf("room for the objects of %s at once", judge.Count(cells, "cell"))
}

// usageOf returns what the objects of the cells count against quotas, if so many cells are tested at once: what the run
// needs, and what it needs for a moment if the claims of a batch are still counted when the next one begins. If keep is
// set, the claims and readers stay.
func usageOf(cells []run.PlannedCell, atOnce int, keep bool) (needed, soon corev1.ResourceList) {
	needed = corev1.ResourceList{}
	for i, c := range cells {
		isKept := keep && !c.Spec.Control
		if i < atOnce {
			addPod(needed, c.Writer)
		}
		if i < atOnce || isKept {
			addPod(needed, c.Reader)
			addClaim(needed, c.Claim)
		}
	}
	soon = needed.DeepCopy()
	if !keep {
		for _, c := range cells[atOnce:min(len(cells), 2*atOnce)] {
			addClaim(soon, c.Claim)
		}
	}
	return needed, soon
}

var one = *resource.NewQuantity(1, resource.DecimalSI)

func add(sums corev1.ResourceList, name corev1.ResourceName, q resource.Quantity) {
	sum := sums[name]
	sum.Add(q)
	sums[name] = sum
}

// addPod adds what a pod counts against quotas.
func addPod(sums corev1.ResourceList, pod *corev1.Pod) {
	add(sums, corev1.ResourcePods, one)
	add(sums, "count/pods", one)
	for name, q := range resourcesOf(pod, func(r corev1.ResourceRequirements) corev1.ResourceList { return r.Requests }) {
		add(sums, "requests."+name, q)
		add(sums, name, q) // quotas may use the name without the prefix
	}
	for name, q := range resourcesOf(pod, func(r corev1.ResourceRequirements) corev1.ResourceList { return r.Limits }) {
		add(sums, "limits."+name, q)
	}
}

// resourcesOf returns the requests or the limits of a pod: those of its containers and sidecars, or of an init
// container that needs more, and the overhead of its RuntimeClass
// (kubernetes.io/docs/concepts/workloads/pods/init-containers, "Resource sharing within containers").
func resourcesOf(pod *corev1.Pod, of func(corev1.ResourceRequirements) corev1.ResourceList) corev1.ResourceList {
	sums, largest := corev1.ResourceList{}, corev1.ResourceList{}
	for _, c := range pod.Spec.Containers {
		for name, q := range of(c.Resources) {
			add(sums, name, q)
		}
	}
	for _, c := range pod.Spec.InitContainers {
		isSidecar := c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
		for name, q := range of(c.Resources) {
			if isSidecar {
				add(sums, name, q)
			} else if most, set := largest[name]; !set || q.Cmp(most) > 0 {
				largest[name] = q
			}
		}
	}
	for name, q := range largest {
		if sum, set := sums[name]; !set || q.Cmp(sum) > 0 {
			sums[name] = q
		}
	}
	for name, q := range pod.Spec.Overhead {
		if _, set := sums[name]; set {
			add(sums, name, q)
		}
	}
	return sums
}

// addClaim adds what a claim counts against quotas. claim is nil for none.
func addClaim(sums corev1.ResourceList, claim *corev1.PersistentVolumeClaim) {
	if claim == nil {
		return
	}
	size := claim.Spec.Resources.Requests[corev1.ResourceStorage]
	add(sums, corev1.ResourcePersistentVolumeClaims, one)
	add(sums, "count/persistentvolumeclaims", one)
	add(sums, corev1.ResourceRequestsStorage, size)
	if class := ptr.Deref(claim.Spec.StorageClassName, ""); class != "" {
		prefix := corev1.ResourceName(class + ".storageclass.storage.k8s.io/")
		add(sums, prefix+corev1.ResourcePersistentVolumeClaims, one)
		add(sums, prefix+corev1.ResourceRequestsStorage, size)
	}
}

// shortages lists the resources of which a quota has less left than is needed.
func shortages(q corev1.ResourceQuota, needed corev1.ResourceList) []string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(q.Status.Hard)) {
		want, counted := needed[name]
		left := q.Status.Hard[name].DeepCopy()
		left.Sub(q.Status.Used[name])
		if counted && left.Cmp(want) < 0 {
			all = append(all, fmt.Sprintf("quota %s has %s left for %s, and the run needs %s", q.Name, left.String(), name,
				want.String()))
		}
	}
	return all
}
