package command

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"

	"github.com/volume-durability/volume-durability/pkg/kube"
)

// specWith returns the spec of a run with options, whose experiment's pod has every setting.
func specWith(t *testing.T, env map[string]string) runSpec {
	t.Helper()
	spec, err := newRunSpec(func(name string) string { return env[name] })
	require.NoError(t, err)
	spec.inherited = kube.PodSettings{
		ImagePullSecrets: []corev1.LocalObjectReference{{Name: "theirs"}}, Tolerations: []corev1.Toleration{{Key: "theirs"}},
		NodeSelector: map[string]string{"pool": "theirs"}, NodeAffinity: &corev1.NodeAffinity{},
		PriorityClassName: "theirs", RuntimeClassName: ptr.To("theirs"),
		Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1")},
			Limits: corev1.ResourceList{
				corev1.ResourceCPU: resource.MustParse("1"), corev1.ResourceMemory: resource.MustParse("16Mi"),
			},
		},
	}
	spec.ownAnnotations = map[string]string{"team": "storage", "cni": "x"}
	return spec
}

func TestPodSettings_AreThoseOfExperimentsPod(t *testing.T) {
	spec := specWith(t, nil)
	want := spec.inherited
	want.Annotations = map[string]string{}
	assert.Equal(t, want, spec.podSettings(), "annotations are copied only if asked for")
	assert.Equal(t, want, spec.run().PodSettings)
}

func TestPodSettings_AreReplacedByOptions(t *testing.T) {
	spec := specWith(t, map[string]string{
		"IMAGE_PULL_SECRETS": "mine", "TOLERATIONS": "mine", "NODE_SELECTOR": "pool=mine", "PRIORITY_CLASS": "mine",
		"RUNTIME_CLASS": "mine", "RESOURCE_REQUESTS": "cpu=2", "RESOURCE_LIMITS": "cpu=3", "POD_LABELS": "a=b",
		"POD_ANNOTATIONS": "team,missing,c=d",
	})
	assert.Equal(t, kube.PodSettings{
		ImagePullSecrets: []corev1.LocalObjectReference{{Name: "mine"}},
		Tolerations:      []corev1.Toleration{{Key: "mine", Operator: corev1.TolerationOpExists}},
		NodeSelector:     map[string]string{"pool": "mine"}, PriorityClassName: "mine", RuntimeClassName: ptr.To("mine"),
		Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("2")},
			Limits:   corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("3")},
		},
		Labels: map[string]string{"a": "b"}, Annotations: map[string]string{"team": "storage", "c": "d"},
	}, spec.podSettings())
}

func TestPodSettings_AreRemovedByNone(t *testing.T) {
	env := map[string]string{}
	for _, name := range []string{
		"IMAGE_PULL_SECRETS", "TOLERATIONS", "NODE_SELECTOR", "PRIORITY_CLASS", "RUNTIME_CLASS", "RESOURCE_REQUESTS",
		"RESOURCE_LIMITS",
	} {
		env[name] = "none"
	}
	settings := specWith(t, env).podSettings()
	assert.Empty(t, settings.ImagePullSecrets)
	assert.Empty(t, settings.Tolerations)
	assert.Empty(t, settings.NodeSelector)
	assert.Nil(t, settings.NodeAffinity)
	assert.Empty(t, settings.PriorityClassName)
	assert.Nil(t, settings.RuntimeClassName)
	none := corev1.ResourceList{}
	assert.Equal(t, corev1.ResourceRequirements{Requests: none, Limits: none}, settings.Resources)
}

func TestLogSettings_NamesWhatUserMayNotExpect(t *testing.T) {
	spec := specWith(t, map[string]string{"POD_ANNOTATIONS": "team,missing"})
	log, logged := logtest.NewNullLogger()
	spec.log = log
	spec.logSettings()
	var messages string
	for _, entry := range logged.AllEntries() {
		assert.Equal(t, logrus.WarnLevel, entry.Level)
		messages += entry.Message + "\n"
	}
	assert.Contains(t, messages, "no annotation missing to copy")
	assert.Contains(t, messages, "limit of 1 on cpu")
	assert.Contains(t, messages, "16Mi, is raised to 64Mi")
	assert.Len(t, logged.AllEntries(), 3)
}

func TestNewRunSpec_RejectsTooLittleMemory(t *testing.T) {
	_, err := parseFlags(t, nil, "--resource-limits", "memory=16Mi")
	assert.ErrorContains(t, err, `--resource-limits (RESOURCE_LIMITS) "memory=16Mi": want at least memory=64Mi`)
}

func TestOptionFlags_PodTemplateIsALocalFile(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("pod.yaml", []byte("spec: {priorityClassName: high}\n"), 0o600))
	got, err := parseFlags(t, nil, "--pod-template", "pod.yaml")
	require.NoError(t, err)
	assert.True(t, filepath.IsAbs(got.PodTemplate))
	_, err = parseFlags(t, nil, "--pod-template", "none.yaml")
	assert.ErrorContains(t, err, "--pod-template (POD_TEMPLATE)")

	require.NoError(t, os.WriteFile("pod.yaml", []byte("spec: {nodeName: n, restartPolicy: Always}\n"), 0o600))
	_, err = parseFlags(t, nil, "--pod-template", "pod.yaml", "--claim-size", "big")
	for _, want := range []string{
		"want spec.nodeName unset: ", "want spec.restartPolicy unset: ", "--pod-template (POD_TEMPLATE) ", "--claim-size",
	} {
		assert.ErrorContains(t, err, want)
	}
}

func TestPodImage_IsThatOfTheTemplate(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pod.yaml")
	manifest := "spec: {containers: [{name: durability, image: template}]}\n"
	require.NoError(t, os.WriteFile(file, []byte(manifest), 0o600))
	spec := specWith(t, map[string]string{"POD_TEMPLATE": file})
	spec.image = "experiment"
	assert.Equal(t, "template", spec.podImage())
	assert.NoError(t, spec.validateImage())
	assert.ErrorContains(t, specWith(t, nil).validateImage(), "LIB_IMAGE=")
}
