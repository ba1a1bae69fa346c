package preflight

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/volume-durability/volume-durability/pkg/advice"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/options"
)

// checkExistingClaim checks whether other pods keep the run from using the claim in EXISTING_CLAIM. The dry run checks
// whether the claim exists.
func checkExistingClaim(
	ctx context.Context, client kubernetes.Interface, namespace string, opts options.Values,
) []Check {
	if opts.ExistingClaim == "" {
		return nil
	}
	check := "use of claim " + opts.ExistingClaim
	claim, err := client.CoreV1().PersistentVolumeClaims(namespace).Get(ctx, opts.ExistingClaim, metav1.GetOptions{})
	if err != nil {
		return nil
	}
	pods, err := client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return []Check{{check, Warning, fmt.Sprintf("not checked: %v", err)}}
	}
	users := slices.DeleteFunc(pods.Items, func(p corev1.Pod) bool { return !kube.UsesClaim(&p, claim.Name) })
	status, message := judgeUsers(claim, users, opts)
	return []Check{{check, status, message}}
}

func judgeUsers(claim *corev1.PersistentVolumeClaim, users []corev1.Pod, opts options.Values) (Status, string) {
	if claim.Status.Phase == corev1.ClaimLost {
		return Failed, "its volume is gone: the claim is Lost"
	}
	if len(users) == 0 {
		return Passed, "no other pod uses it"
	}
	var names, on []string
	for _, p := range users {
		names = append(names, fmt.Sprintf("%s on node %s", p.Name, p.Spec.NodeName))
		if p.Spec.NodeName != "" {
			on = append(on, p.Spec.NodeName)
		}
	}
	slices.Sort(on)
	on = slices.Compact(on)
	used := "used by pod " + strings.Join(names, ", ")
	has := func(mode corev1.PersistentVolumeAccessMode) bool {
		return slices.Contains(claim.Spec.AccessModes, mode)
	}
	switch {
	case has(corev1.ReadWriteMany):
		return Passed, used + "; ReadWriteMany lets other pods use it too"
	case has(corev1.ReadWriteOncePod):
		return Failed, used + ", and ReadWriteOncePod lets only one pod use it" + advice.Sentence("stop that pod for the run")
	case slices.Contains(opts.ReaderNodes, options.OtherNode):
		return Failed, used + ", and ReadWriteOnce keeps it on that node, but READER_NODE=other needs another" +
			advice.Sentence("stop that pod for the run, or set READER_NODE=same")
	case len(on) == 0:
		return Warning, used + ", which has no node yet"
	}
	return Warning, used + ", and ReadWriteOnce keeps it there: the pods of the run can only run on that node" +
		advice.Sentence("set WRITER_NODE="+on[0])
}
