package kube

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/utils/ptr"
)

// labelled returns a pod on node n1 that mounts the claim theirs with an SELinux level; "" sets none.
func labelled(name, level string) *corev1.Pod {
	pod := podOnNode(name, "theirs", "n1", time.Hour, corev1.PodRunning)
	pod.Spec.Volumes[0].Name = "data"
	pod.Spec.Containers = []corev1.Container{
		{Name: "app", VolumeMounts: []corev1.VolumeMount{{Name: "data"}}},
		{Name: "sidecar"},
	}
	if level != "" {
		pod.Spec.SecurityContext = &corev1.PodSecurityContext{SELinuxOptions: &corev1.SELinuxOptions{Level: level}}
	}
	return pod
}

func theirs(mode corev1.PersistentVolumeMode) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: "theirs", Namespace: "stig"},
		Spec:       corev1.PersistentVolumeClaimSpec{VolumeMode: ptr.To(mode)},
	}
}

// rejectsDryRun makes the API server reject pods, so that the label of the template counts.
func rejectsDryRun(api *fake.Clientset) {
	api.PrependReactor("create", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, errors.New("exceeded quota")
	})
}

func TestCheckSELinux_ComparesLabels(t *testing.T) {
	override := labelled("app", "s0:c1,c2")
	override.Spec.Containers[0].SecurityContext = &corev1.SecurityContext{
		SELinuxOptions: &corev1.SELinuxOptions{Level: "s0:c3,c4"},
	}
	selinux := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1", Labels: map[string]string{selinuxNodeLabel: "true"}}}
	coreos := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1"}}
	coreos.Status.NodeInfo.OSImage = "Red Hat Enterprise Linux CoreOS 9.6.20260101-0 (Plow)"
	plain := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1"}}
	ended := labelled("app", "s0:c1,c2")
	ended.Status.Phase = corev1.PodSucceeded
	unscheduled := labelled("app", "s0:c1,c2")
	unscheduled.Spec.NodeName = ""
	block, files := theirs(corev1.PersistentVolumeBlock), theirs(corev1.PersistentVolumeFilesystem)
	for name, c := range map[string]struct {
		objects []runtime.Object
		ours    string
		want    string // part of the error; empty for none
	}{
		"the same level": {[]runtime.Object{files, labelled("app", "s0:c1,c2"), selinux}, "s0:c1,c2", ""},
		"other levels": {
			[]runtime.Object{files, labelled("app", "s0:c1,c2")}, "s0:c3,c4",
			"label s0:c1,c2, but the pods of the run would have s0:c3,c4",
		},
		"only theirs": {
			[]runtime.Object{files, labelled("app", "s0:c1,c2")}, "", "label s0:c1,c2, but the pods of the run would have none",
		},
		"only ours":           {[]runtime.Object{files, labelled("app", "")}, "s0:c1,c2", "label none, but"},
		"of the container":    {[]runtime.Object{files, override}, "s0:c1,c2", "label s0:c3,c4, but"},
		"none, without nodes": {[]runtime.Object{files, labelled("app", "")}, "", ""},
		"none, plain node":    {[]runtime.Object{files, labelled("app", ""), plain}, "", ""},
		"none, SELinux node":  {[]runtime.Object{files, labelled("app", ""), selinux}, "", "on a node with SELinux. Neither"},
		"none, CoreOS node":   {[]runtime.Object{files, labelled("app", ""), coreos}, "", "on a node with SELinux. Neither"},
		"a device":            {[]runtime.Object{block, labelled("app", "s0:c1,c2")}, "", ""},
		"ended":               {[]runtime.Object{files, ended}, "", ""},
		"without a node":      {[]runtime.Object{files, unscheduled}, "", ""},
		"nothing uses it":     {[]runtime.Object{files}, "s0:c1,c2", ""},
	} {
		t.Run(name, func(t *testing.T) {
			client, api := newTestClient(t), fake.NewClientset(c.objects...)
			rejectsDryRun(api)
			client.API = api
			err := client.CheckSELinux(t.Context(), "theirs", labelled("write-pod", c.ours))
			if c.want == "" {
				assert.NoError(t, err)
				return
			}
			var conflict *SELinuxError
			require.ErrorAs(t, err, &conflict)
			assert.Equal(t, "app", conflict.Pod)
			assert.ErrorContains(t, err, c.want)
			assert.ErrorContains(t, err, "To fix this: set ")
			assert.ErrorContains(t, err, "POD_TEMPLATE")
			assert.ErrorContains(t, err, "ALLOW_RELABEL=true")
		})
	}
}

// OpenShift sets the level of every pod of a namespace at admission.
func TestCheckSELinux_UsesTheAdmittedLabel(t *testing.T) {
	client := newTestClient(t)
	api := fake.NewClientset(theirs(corev1.PersistentVolumeFilesystem), labelled("app", "s0:c1,c2"))
	client.API = api
	var dryRuns int
	api.PrependReactor("create", "pods", func(action clienttesting.Action) (bool, runtime.Object, error) {
		create := action.(clienttesting.CreateActionImpl)
		assert.Equal(t, []string{metav1.DryRunAll}, create.CreateOptions.DryRun)
		dryRuns++
		return true, labelled("write-pod", "s0:c1,c2"), nil
	})
	assert.NoError(t, client.CheckSELinux(t.Context(), "theirs", labelled("write-pod", "")))
	assert.Equal(t, 1, dryRuns)
}

func TestCheckSELinux_IgnoresPodsOfThisRun(t *testing.T) {
	client, ours := newTestClient(t), labelled("write-pod", "s0:c1,c2")
	ours.Labels = client.Labels
	client.API = fake.NewClientset(theirs(corev1.PersistentVolumeFilesystem), ours)
	assert.NoError(t, client.CheckSELinux(t.Context(), "theirs", labelled("write-pod", "")))
}
