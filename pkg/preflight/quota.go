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
	"k8s.io/client-go/kubernetes"

	"github.com/volume-durability/volume-durability/pkg/advice"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/run"
)

// checkQuota checks whether the quotas of the namespace have room for all objects that exist at the same time. The
// dry run checks one object at a time. A cell has one pod at a time: the writer is gone before the reader starts. But a
// quota counts a deleted pod or claim until its controller has noticed the deletion.
func checkQuota(
	ctx context.Context, client kubernetes.Interface, namespace string, opts options.Values, cells []run.PlannedCell,
) Check {
	const check = "quotas"
	quotas, err := client.CoreV1().ResourceQuotas(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return Check{check, Warning, fmt.Sprintf("not checked: %v", err)}
	}
	if len(quotas.Items) == 0 {
		return Check{check, Passed, "the namespace has none"}
	}
	atOnce := min(len(cells), max(1, opts.ParallelCells))
	needed := usage(opts, cells, atOnce)
	var lacking, scarce, scoped []string
	for _, q := range quotas.Items {
		if len(q.Spec.Scopes) > 0 || q.Spec.ScopeSelector != nil {
			scoped = append(scoped, q.Name)
			continue
		}
		lacking = append(lacking, shortages(q, needed)...)
		scarce = append(scarce, shortages(q, twice(needed))...)
	}
	less := ""
	if atOnce > 1 {
		less = fmt.Sprintf("; or test fewer than %d cells at once: PARALLEL_CELLS", atOnce)
	}
	switch {
	case len(lacking) > 0:
		return Check{check, Failed, strings.Join(lacking, "; ") +
			advice.Sentence("raise the quota: kubectl describe quota -n "+namespace+less)}
	case len(scarce) > 0:
		return Check{check, Warning, strings.Join(scarce, "; ") + " for a moment: a quota counts a deleted object until " +
			"its controller has noticed the deletion" + advice.Sentence("raise the quota"+less)}
	case len(scoped) > 0:
		return Check{check, Warning, "not checked, because of their scopes: " + strings.Join(scoped, ", ")}
	}
	return Check{check, Passed, fmt.Sprintf("room for the objects of %d cells at once", atOnce)}
}

// twice returns double the quantities.
func twice(list corev1.ResourceList) corev1.ResourceList {
	doubled := corev1.ResourceList{}
	for name, q := range list {
		sum := q.DeepCopy()
		sum.Add(q)
		doubled[name] = sum
	}
	return doubled
}

// usage returns what the objects of the largest cells count against quotas, if so many are tested at once.
func usage(opts options.Values, cells []run.PlannedCell, atOnce int) corev1.ResourceList {
	needed := corev1.ResourceList{}
	add := func(name corev1.ResourceName, q resource.Quantity) {
		sum := needed[name]
		sum.Add(q)
		needed[name] = sum
	}
	one := *resource.NewQuantity(1, resource.DecimalSI)
	for _, c := range cells[:atOnce] {
		add(corev1.ResourcePods, one)
		add("count/pods", one)
		for _, container := range c.Writer.Spec.Containers {
			for name, q := range container.Resources.Requests {
				add("requests."+name, q)
				add(name, q) // quotas may use the name without the prefix
			}
			for name, q := range container.Resources.Limits {
				add("limits."+name, q)
			}
		}
		if c.Spec.VolumeSource == options.Claim && c.Spec.ExistingClaim == "" {
			prefix := corev1.ResourceName("")
			add(corev1.ResourcePersistentVolumeClaims, one)
			add("count/persistentvolumeclaims", one)
			add(corev1.ResourceRequestsStorage, opts.ClaimSize)
			if c.Spec.StorageClass != "" {
				prefix = corev1.ResourceName(c.Spec.StorageClass + ".storageclass.storage.k8s.io/")
				add(prefix+corev1.ResourcePersistentVolumeClaims, one)
				add(prefix+corev1.ResourceRequestsStorage, opts.ClaimSize)
			}
		}
	}
	return needed
}

// shortages lists the resources of which a quota has less left than is needed.
func shortages(q corev1.ResourceQuota, needed corev1.ResourceList) []string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(q.Status.Hard)) {
		want, counted := needed[name]
		left := q.Status.Hard[name].DeepCopy()
		left.Sub(q.Status.Used[name])
		if counted && left.Cmp(want) < 0 {
			all = append(all, fmt.Sprintf("quota %s has %s %s left, and the run needs %s", q.Name, left.String(), name,
				want.String()))
		}
	}
	return all
}
