package e2e

import (
	"context"
	"os/exec"
	"strings"
	"sync"
	"testing"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

// sshServer starts an SSH server on a machine, and prints the key with which root can log in.
const sshServer = `mkdir -p /run/sshd
grep -q ^sshd: /etc/passwd || echo sshd:x:65532:65534::/run/sshd:/usr/sbin/nologin >>/etc/passwd
for key in host user; do ssh-keygen -q -t ed25519 -N '' -f /run/$key; done
/usr/sbin/sshd -f /dev/null -h /run/host -o AuthorizedKeysFile=/run/user.pub -o StrictModes=no >/run/sshd.log 2>&1
cat /run/user`

// rebootCommand resets the node at once, without a sync. The connection then never ends by itself. As in the
// documentation of the fault, the options of ssh are in the command, and its exit status is ignored.
const rebootCommand = `-o ServerAliveInterval=10 -o ServerAliveCountMax=3 "echo b >/proc/sysrq-trigger" ; true`

// The fault node-restart resets the node of the victim between the two probes. The volume is on the disk of that node.
func testNodeRestart(t *testing.T) {
	onWriterMachine := map[string]string{corev1.LabelHostname: writerMachine}
	deployment := chaosengine.VictimDeployment(*image)
	deployment.Spec.Template.Spec.NodeSelector = onWriterMachine
	deployment.Spec.Template.Spec.Tolerations = tolerateMachines()
	// The user of the probes may write to the volume only because the application's pod sets its group.
	deployment.Spec.Template.Spec.SecurityContext = &corev1.PodSecurityContext{FSGroup: ptr.To[int64](65532)}
	ns := withVictimOf(t, "csi-ext4", deployment)
	allowNodes(t, ns)
	addKey(t, ns, onMachine(t, writerMachine, sshServer))
	// litmus-go ignores the tolerations of a probe. The pods of the fault itself must not be on the node.
	injectUntil(t, ns, func(pod *corev1.Pod) {
		pod.Spec.Tolerations = append(pod.Spec.Tolerations, tolerateMachines()...)
		if len(pod.Spec.NodeSelector) == 0 {
			pod.Spec.NodeSelector = map[string]string{corev1.LabelHostname: "n1"}
		}
	}, func(pod *corev1.Pod) bool { return len(pod.Spec.NodeSelector) > 0 })
	attributes := chaosv1alpha1.ExperimentAttributes{Probe: recipe(t)}
	for i := range attributes.Probe {
		attributes.Probe[i].CmdProbeInputs.Source.NodeSelector = onWriterMachine
	}
	attributes.Components.StatusCheckTimeouts.Timeout = bootTimeout
	before := bootID(t, ns, writerMachine)
	t.Cleanup(func() {
		if t.Failed() { // the machine may be off
			tryCluster(t, "machine", "start", writerMachine)
		}
	})
	var starting sync.WaitGroup
	defer starting.Wait()
	ctx, cancel := context.WithCancel(within(t))
	defer cancel() // a fault that has failed resets nothing
	starting.Go(func() {
		start := exec.CommandContext(ctx, *clusterTool, "machine", "start", "--when-off", writerMachine)
		output, err := start.CombinedOutput()
		assert.NoError(t, err, string(output))
	})
	result := runFaultOf(t, ns, "node-restart", attributes, map[string]string{
		"TARGET_NODE": writerMachine, "REBOOT_COMMAND": rebootCommand, "LIB_IMAGE": chaosengine.FaultsImage,
	})
	requireKept(t, result)
	if t.Failed() {
		return
	}
	starting.Wait()
	assert.NotEqual(t, before, bootID(t, ns, writerMachine), "the node must have been started again")
}

func tolerateMachines() []corev1.Toleration {
	key, effect, _ := strings.Cut(machineToleration, ":")
	return []corev1.Toleration{{Key: key, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffect(effect)}}
}

// allowNodes grants the faults the permission to read nodes, until the test ends.
func allowNodes(t *testing.T, ns *chaosengine.Namespace) {
	t.Helper()
	meta := metav1.ObjectMeta{Name: ns.Name}
	rules := []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"nodes"}, Verbs: []string{"get", "list"}}}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: ns.Name},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: chaosengine.FaultsUser, Namespace: ns.Name}},
	}
	roles, bindings := ns.Kube.RbacV1().ClusterRoles(), ns.Kube.RbacV1().ClusterRoleBindings()
	_, err := roles.Create(within(t), &rbacv1.ClusterRole{ObjectMeta: meta, Rules: rules}, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, roles.Delete(within(t), ns.Name, metav1.DeleteOptions{})) })
	_, err = bindings.Create(within(t), binding, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, bindings.Delete(within(t), ns.Name, metav1.DeleteOptions{})) })
}

// addKey creates the Secret in which node-restart expects the private key.
func addKey(t *testing.T, ns *chaosengine.Namespace, key string) {
	t.Helper()
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "id-rsa"}, StringData: map[string]string{corev1.SSHAuthPrivateKey: key + "\n"},
	}
	_, err := ns.Kube.CoreV1().Secrets(ns.Name).Create(within(t), secret, metav1.CreateOptions{})
	require.NoError(t, err)
}
