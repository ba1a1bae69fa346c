package preflight

import (
	"bytes"
	"cmp"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"sigs.k8s.io/yaml"

	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/run"
)

// rules returns the rules of the first role in a file of the chart.
func rules(t *testing.T, file string) []rbacv1.PolicyRule {
	t.Helper()
	content, err := os.ReadFile("../../charts/volume-durability/" + file)
	require.NoError(t, err)
	for _, document := range bytes.Split(content, []byte("\n---\n")) {
		var role rbacv1.ClusterRole
		require.NoError(t, yaml.Unmarshal(document, &role))
		if len(role.Rules) > 0 {
			return role.Rules
		}
	}
	require.Fail(t, "no rules in "+file)
	return nil
}

// grants returns what rules grant: group, resource and verb.
func grants(all []rbacv1.PolicyRule) map[[3]string]bool {
	granted := map[[3]string]bool{}
	for _, r := range all {
		for _, group := range r.APIGroups {
			for _, resource := range r.Resources {
				for _, verb := range r.Verbs {
					granted[[3]string{group, resource, verb}] = true
				}
			}
		}
	}
	return granted
}

// onlyInLitmus reports whether only a ChaosEngine, its probes or chaos-runner need a grant.
func onlyInLitmus(grant [3]string) bool {
	return grant[0] == "litmuschaos.io" || grant[0] == "batch" || grant[1] == "pods/exec" ||
		grant[1] == "events" && slices.Contains([]string{"create", "get", "update"}, grant[2])
}

func TestPermissions_MatchRoles(t *testing.T) {
	needed, optional := grants(rules(t, "rbac.yaml")), grants(rules(t, "rbac-optional.yaml"))
	used := map[[3]string]bool{}
	for _, p := range permissions() {
		for _, verb := range p.verbs {
			grant := [3]string{p.group, p.resource, verb}
			used[grant] = true
			switch {
			case p.resource == "configmaps": // only the command line needs it
			case p.clusterWide:
				assert.True(t, optional[grant], "rbac-optional.yaml grants %v", grant)
			default:
				assert.True(t, needed[grant], "rbac.yaml grants %v", grant)
			}
		}
	}
	for grant := range needed {
		if grant[1] != "configmaps" && !onlyInLitmus(grant) {
			assert.True(t, used[grant], "%v of rbac.yaml is used", grant)
		}
	}
	for grant := range optional {
		assert.True(t, used[grant], "%v of rbac-optional.yaml is used", grant)
	}
}

// checks runs all checks, and returns them by name. The one with an empty name has the result of Ready.
func checks(
	t *testing.T, env map[string]string, allowed func(*authorizationv1.ResourceAttributes) bool, objects ...runtime.Object,
) map[string]Check {
	t.Helper()
	return checksOf(t, fake.NewClientset(objects...), env, allowed)
}

// checksOf does the same for a given cluster.
func checksOf(
	t *testing.T, clientset *fake.Clientset, env map[string]string, allowed func(*authorizationv1.ResourceAttributes) bool,
) map[string]Check {
	t.Helper()
	allow := func(action clienttesting.Action) (bool, runtime.Object, error) {
		review := action.(clienttesting.CreateAction).GetObject().(*authorizationv1.SelfSubjectAccessReview)
		review.Status.Allowed = allowed(review.Spec.ResourceAttributes)
		return true, review, nil
	}
	clientset.PrependReactor("create", "selfsubjectaccessreviews", allow)
	opts, err := options.Parse(func(name string) string { return env[name] })
	require.NoError(t, err)
	log := logrus.New()
	log.SetOutput(t.Output())
	client := kube.Client{
		API: clientset, Dynamic: snapshotClient(), Namespace: opts.Namespace, Timeout: opts.StatusTimeout, Log: log,
	}
	answersIdentity(clientset)
	all := Run(t.Context(), run.Run{ID: "r", Options: opts, Image: cmp.Or(opts.Image, testImage), Log: log, Kube: client})
	assert.Equal(t, Check{"identity", Passed, "user jane, groups dev"}, all[0])
	by := map[string]Check{"": {Status: Failed}}
	if Ready(all) {
		by[""] = Check{Status: Passed}
	}
	for _, c := range all {
		by[c.Name] = c
	}
	return by
}

// snapshotClient returns a client of a cluster with some VolumeSnapshotClasses.
func snapshotClient(classes ...runtime.Object) dynamic.Interface {
	kind := schema.GroupVersionResource{Group: "snapshot.storage.k8s.io", Version: "v1", Resource: "volumesnapshotclasses"}
	lists := map[schema.GroupVersionResource]string{kind: "VolumeSnapshotClassList"}
	return dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), lists, classes...)
}

func allowAll(*authorizationv1.ResourceAttributes) bool { return true }

// testImage is the image of the pods, which the nodes have.
const testImage = "image:1"

func cluster(nodes ...string) []runtime.Object {
	objects := []runtime.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "stig"}},
		&storagev1.StorageClass{
			ObjectMeta: metav1.ObjectMeta{
				Name:        "fast",
				Annotations: map[string]string{"storageclass.kubernetes.io/is-default-class": "true"},
			},
			Provisioner: "p",
		},
	}
	for _, n := range nodes {
		objects = append(
			objects,
			&corev1.Node{
				ObjectMeta: metav1.ObjectMeta{Name: n},
				Status: corev1.NodeStatus{
					Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}},
					Images:     []corev1.ContainerImage{{Names: []string{"registry.test/" + testImage}}},
				},
			},
			&corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "pod-of-" + n},
				Spec:       corev1.PodSpec{NodeName: n, Containers: []corev1.Container{{Name: "c"}}},
				Status:     corev1.PodStatus{Phase: corev1.PodRunning},
			},
		)
	}
	return objects
}

func TestRun_AllChecksPass(t *testing.T) {
	by := checks(t, nil, allowAll, cluster("n1", "n2")...)
	assert.Equal(t, Passed, by[""].Status)
	for what, c := range by {
		assert.Equal(t, Passed, c.Status, what)
	}
	assert.Contains(t, by, "create claim stig-pvc")
	assert.Contains(t, by, "create pod write-pod")
	assert.Contains(t, by, "create pod read-pod")
}

func TestRun_ListsStorageClassesOnce(t *testing.T) {
	for _, classes := range []string{"*", "fast"} {
		clientset := fake.NewClientset(cluster("n1")...)
		checksOf(t, clientset, map[string]string{"STORAGE_CLASSES": classes}, allowAll)
		lists := 0
		for _, action := range clientset.Actions() {
			if action.Matches("list", "storageclasses") {
				lists++
			}
		}
		assert.Equal(t, 1, lists, classes)
	}
}

func TestRun_NamesMissingObjects(t *testing.T) {
	env := map[string]string{"STORAGE_CLASS": "slow", "READER_NODE": "other", "WORKLOAD_NAMESPACE": "none"}
	by := checks(t, env, allowAll, cluster("n1")...)
	assert.Equal(t, Failed, by[""].Status)
	assert.Contains(t, by["namespace"].Message, "kubectl create namespace none")
	assert.Contains(t, by["nodes"].Message, "READER_NODE=other needs 2")
	assert.Contains(t, by["StorageClasses"].Message,
		"slow does not exist. To fix this: set STORAGE_CLASS to one of: fast (default)")
}

func TestRun_NamesMissingPermissions(t *testing.T) {
	by := checks(t, nil, func(a *authorizationv1.ResourceAttributes) bool {
		return a.Resource != "volumeattachments"
	}, cluster("n1")...)
	assert.Equal(t, Passed, by[""].Status, "a run is possible without it")
	const name = "permissions on volumeattachments"
	assert.Equal(t, Check{name, Warning,
		"not allowed to list, watch; a run is possible, but without evidence levels above remounted"}, by[name])

	by = checks(t, nil, func(a *authorizationv1.ResourceAttributes) bool {
		return a.Resource != "pods" || a.Verb != "delete" || a.Subresource != ""
	}, cluster("n1")...)
	assert.Equal(t, Failed, by[""].Status)
	assert.Contains(t, by["permissions on pods"].Message, "not allowed to delete")
	assert.Equal(t, Passed, by["permissions on pods/log"].Status)
}

func TestRun_NeverAdvisesToRunDoctor(t *testing.T) {
	clientset := fake.NewClientset(cluster("n1")...)
	clientset.PrependReactor("*", "*", func(a clienttesting.Action) (bool, runtime.Object, error) {
		resource := a.GetResource()
		err := errors.New(`User "jane" cannot ` + a.GetVerb() + ` resource "` + resource.Resource + `"`)
		return resource.Resource != "version", nil, apierrors.NewForbidden(resource.GroupResource(), "x", err)
	})
	by := checksOf(t, clientset, map[string]string{"READER_NODE": "n9", "STORAGE_CLASSES": "*"}, allowAll)
	assert.Equal(t, Failed, by[""].Status)
	assert.Equal(t, Check{"READER_NODE n9", Warning, "not checked: the nodes are unknown"}, by["READER_NODE n9"])
	for _, name := range []string{"namespace", "nodes", "StorageClasses"} {
		assert.Equal(t, Warning, by[name].Status, name)
		assert.Regexp(t, "^not checked: .*is forbidden", by[name].Message)
	}
	for name, c := range by {
		assert.NotContains(t, c.Message, "doctor", name)
	}
	by = checksOf(t, clientset, nil, allowAll)
	assert.Contains(t, by["create pod write-pod"].Message, "To fix this: grant the permissions in rbac.yaml")
	for name, c := range by {
		assert.NotContains(t, c.Message, "doctor", name)
	}
}

func TestRun_ReportsNameConflict(t *testing.T) {
	existing := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "stig", Name: "stig-pvc"}}
	by := checks(t, nil, allowAll, append(cluster("n1"), existing)...)
	assert.Contains(t, by["create claim stig-pvc"].Message, "already exists and was not created by this run")
}

func TestRun_ReportsInvalidOptions(t *testing.T) {
	by := checks(t, map[string]string{"TARGET_PODS": "write-pod,another"}, allowAll, cluster("n1")...)
	assert.Equal(t, Failed, by["objects"].Status)
	assert.Contains(t, by["objects"].Message, `TARGET_PODS="another": want writers of this run: write-pod`)
	assert.Contains(t, by, "create pod write-pod", "the other checks must not be skipped")
}

func TestCheckFSGroup_WarnsOfReadWriteOncePodBeforeFix(t *testing.T) {
	parse := func(env map[string]string) options.Values {
		opts, err := options.Parse(func(name string) string { return env[name] })
		require.NoError(t, err)
		return opts
	}
	pod := map[string]string{"ACCESS_MODE": "ReadWriteOnce,ReadWriteOncePod"}
	warned := checkFSGroup("v1.31.9-eks-1", parse(pod))
	require.Len(t, warned, 1)
	assert.Equal(t, Warning, warned[0].Status)
	assert.Contains(t, warned[0].Message, "kubernetes#127170")
	assert.Empty(t, checkFSGroup("v1.32.0", parse(pod)))
	assert.Empty(t, checkFSGroup("v1.31.0", parse(nil)))
	for name, value := range map[string]string{"FS_GROUP": "none", "VOLUME_MODE": "Block"} {
		assert.Empty(t, checkFSGroup("v1.31.0", parse(map[string]string{"ACCESS_MODE": "ReadWriteOncePod", name: value})))
	}
}

func TestRun_ChecksNoObjectsWithoutTheirNamespace(t *testing.T) {
	env := map[string]string{"WORKLOAD_NAMESPACE": "none", "EXISTING_CLAIM": "theirs"}
	by := checks(t, env, allowAll, cluster("n1")...)
	for name, c := range by {
		if c.Status == Failed && name != "" {
			assert.Equal(t, "namespace", name, c.Message)
		}
	}
}
