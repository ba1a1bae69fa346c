package preflight

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"

	"github.com/volume-durability/volume-durability/pkg/advice"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/scheduling"
)

// checkExistingClaim checks whether other pods keep the run from using the claim in EXISTING_CLAIM. The dry run checks
// whether the claim exists. found may be nil, and pod is one of the run's pods.
func checkExistingClaim(
	ctx context.Context, client kubernetes.Interface, namespace string, opts options.Values, found *nodes, pod *corev1.Pod,
) []Check {
	if opts.ExistingClaim == "" || pod == nil {
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
	use := claimUse{claim: claim, users: users, options: opts}
	use.addNodes(ctx, client, found, pod)
	status, message := use.judge()
	return []Check{{check, status, message}}
}

// claimUse is who uses an existing claim, and where the pods of the run may run.
type claimUse struct {
	claim   *corev1.PersistentVolumeClaim
	users   []corev1.Pod
	options options.Values
	// candidates are the nodes that can run the pods and reach the volume; nil if they are unknown.
	candidates []corev1.Node
	// attaches reports whether the CSI driver attaches the volume to nodes; nil if that is unknown.
	attaches *bool
}

// addNodes adds what is known about the nodes and the volume.
func (u *claimUse) addNodes(ctx context.Context, client kubernetes.Interface, found *nodes, pod *corev1.Pod) {
	if found != nil {
		usable := found.usable()
		for _, n := range found.all {
			if slices.Contains(usable, n.Name) {
				u.candidates = append(u.candidates, n)
			}
		}
	}
	volume, err := client.CoreV1().PersistentVolumes().Get(ctx, u.claim.Spec.VolumeName, metav1.GetOptions{})
	if err != nil {
		return
	}
	if affinity := volume.Spec.NodeAffinity; affinity != nil {
		reach := scheduling.ReachOf(pod, affinity.Required, u.candidates)
		u.candidates = slices.DeleteFunc(u.candidates, func(n corev1.Node) bool {
			return !slices.Contains(reach.Both, n.Name)
		})
	}
	if volume.Spec.CSI == nil {
		return
	}
	driver, err := client.StorageV1().CSIDrivers().Get(ctx, volume.Spec.CSI.Driver, metav1.GetOptions{})
	if err == nil {
		u.attaches = ptr.To(ptr.Deref(driver.Spec.AttachRequired, true))
	}
}

// judge returns whether the run can use the claim next to its users.
func (u claimUse) judge() (Status, string) {
	if obstacle := kube.ClaimObstacle(u.claim); obstacle != "" {
		return Failed, obstacle
	}
	if len(u.users) == 0 {
		return Passed, "no other pod uses it"
	}
	var names, on []string
	for _, p := range u.users {
		names = append(names, fmt.Sprintf("%s on node %s", p.Name, p.Spec.NodeName))
		if p.Spec.NodeName != "" {
			on = append(on, p.Spec.NodeName)
		}
	}
	slices.Sort(on)
	on = slices.Compact(on)
	used := "used by pod " + strings.Join(names, ", ")
	has := func(mode corev1.PersistentVolumeAccessMode) bool {
		return slices.Contains(u.claim.Spec.AccessModes, mode)
	}
	switch {
	case has(corev1.ReadWriteMany):
		return Passed, used + "; ReadWriteMany lets other pods use it too"
	case has(corev1.ReadWriteOncePod):
		return Failed, used + ", and ReadWriteOncePod lets only one pod use it" +
			advice.Sentence("stop that pod for the run")
	case len(on) == 0:
		return Warning, used + ", which has no node yet"
	}
	return u.judgePlacement(used, on)
}

// judgePlacement returns whether the pods of the run run only on the nodes that use a ReadWriteOnce claim. used
// describes the users, which are on these nodes.
func (u claimUse) judgePlacement(used string, on []string) (Status, string) {
	if slices.Contains(u.options.ReaderNodes, options.OtherNode) {
		return Failed, used + ", and ReadWriteOnce keeps it on that node, but READER_NODE=other needs another" +
			advice.Sentence("stop that pod for the run, or set READER_NODE=same")
	}
	writers, known := u.writerNodes(on)
	for _, reader := range u.options.ReaderNodes {
		switch reader {
		case options.SameNode:
		case options.AnyNode:
			if u.options.WriterNode != options.ClaimNode {
				writers, known = append(writers, names(u.candidates)...), known && u.candidates != nil
			}
		default:
			writers = append(writers, string(reader))
		}
	}
	outside := slices.DeleteFunc(writers, func(name string) bool { return slices.Contains(on, name) })
	slices.Sort(outside)
	outside = slices.Compact(outside)
	fix := advice.Sentence("set WRITER_NODE=claim, and READER_NODE to same or any")
	switch {
	case len(outside) == 0 && known:
		return Passed, used + "; the pods of the run can only run there"
	case len(outside) == 0:
		return Warning, used + ", and ReadWriteOnce keeps it on that node; not checked where the pods of the run may run" +
			fix
	}
	used += fmt.Sprintf(", and ReadWriteOnce keeps it on that node, but the pods of the run may run on %s",
		strings.Join(outside, ", "))
	switch {
	case u.attaches == nil:
		return Warning, used + fix
	case !*u.attaches:
		return Warning, used + "; its CSI driver does not attach volumes to nodes, so Kubernetes does not prevent that"
	}
	return Failed, used + fix
}

// writerNodes returns the nodes on which the writers may run. known is false if they are unknown.
func (u claimUse) writerNodes(on []string) (nodes []string, known bool) {
	switch node := u.options.WriterNode; {
	case node == options.ClaimNode:
		return on[:1:1], true
	case node == options.AnyWriterNode, node == "":
		return names(u.candidates), u.candidates != nil
	case node.Labels() != nil:
		selected := slices.DeleteFunc(slices.Clone(u.candidates), func(n corev1.Node) bool {
			return !labels.SelectorFromSet(node.Labels()).Matches(labels.Set(n.Labels))
		})
		return names(selected), u.candidates != nil
	default:
		return []string{string(node)}, true
	}
}

func names(nodes []corev1.Node) []string {
	all := make([]string, len(nodes))
	for i, n := range nodes {
		all[i] = n.Name
	}
	return all
}
