package kube

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
)

var templateContext = PodTemplateContext{JournalFile: "/data/logs.log", ImageSet: true}

const wholeTemplate = `
apiVersion: v1
kind: Pod
metadata:
  creationTimestamp: null
  labels: {sidecar.istio.io/inject: "false"}
  annotations: {linkerd.io/inject: disabled}
spec:
  imagePullSecrets: [{name: registry}]
  tolerations: [{operator: Exists}]
  affinity:
    nodeAffinity:
      requiredDuringSchedulingIgnoredDuringExecution:
        nodeSelectorTerms: [{matchExpressions: [{key: zone, operator: In, values: [a]}]}]
  securityContext: {seLinuxOptions: {level: "s0:c1,c2"}}
  containers:
    - name: durability
      resources: {limits: {cpu: "1"}}
      env: [{name: GOMAXPROCS, value: "1"}]
      volumeMounts: [{name: tmp, mountPath: /tmp}]
    - {name: proxy, image: proxy}
  volumes: [{name: tmp, emptyDir: {}}]
status: {}
`

func TestPod_HasTemplateMergedIn(t *testing.T) {
	template, err := ParsePodTemplate([]byte(wholeTemplate), templateContext)
	require.NoError(t, err)
	s := spec()
	s.JournalInOwnFolder = "/data/f/logs.log"
	s.Placement = Placement{ExcludeNode: "n1"}
	plain := newTestClient(t).NewPod(s)
	s.Template = template
	pod := newTestClient(t).NewPod(s)
	assert.Equal(t, map[string]string{"sidecar.istio.io/inject": "false", RunLabel: "r"}, pod.Labels)
	annotations := map[string]string{"linkerd.io/inject": "disabled", JournalAnnotation: "/data/f/logs.log"}
	assert.Equal(t, annotations, pod.Annotations)
	assert.Equal(t, []corev1.LocalObjectReference{{Name: "registry"}}, pod.Spec.ImagePullSecrets)
	assert.Equal(t, []corev1.Toleration{{Operator: corev1.TolerationOpExists}}, pod.Spec.Tolerations)
	assert.Equal(t, "s0:c1,c2", pod.Spec.SecurityContext.SELinuxOptions.Level)
	assert.Equal(t, int64(1), *pod.Spec.SecurityContext.RunAsUser)
	terms := pod.Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms
	assert.Equal(t, "zone", terms[0].MatchExpressions[0].Key)
	assert.Equal(t, corev1.NodeSelectorOpNotIn, terms[0].MatchFields[0].Operator, "the placement is added")

	require.Len(t, pod.Spec.Containers, 2)
	ours, was := ContainerOf(pod), ContainerOf(plain)
	assert.Equal(t, was.Command, ours.Command)
	assert.Equal(t, was.Image, ours.Image)
	assert.Contains(t, ours.VolumeMounts, was.VolumeMounts[0])
	assert.Len(t, ours.VolumeMounts, 2)
	assert.Len(t, pod.Spec.Volumes, 2)
	assert.Equal(t, "GOMAXPROCS", ours.Env[0].Name)
	cpu, memory := ours.Resources.Limits[corev1.ResourceCPU], ours.Resources.Limits[corev1.ResourceMemory]
	assert.Equal(t, "1", cpu.String())
	assert.Equal(t, "256Mi", memory.String())
	assert.Equal(t, plain.Spec.RestartPolicy, pod.Spec.RestartPolicy)
}

func TestParsePodTemplate_AcceptsThreeForms(t *testing.T) {
	for name, manifest := range map[string]string{
		"Pod":         `{apiVersion: v1, kind: Pod, spec: {priorityClassName: high}}`,
		"PodTemplate": `{apiVersion: v1, kind: PodTemplate, metadata: {name: x}, template: {spec: {priorityClassName: high}}}`,
		"no kind":     `{spec: {priorityClassName: high}}`,
	} {
		template, err := ParsePodTemplate([]byte(manifest), templateContext)
		require.NoError(t, err, name)
		s := spec()
		s.Template = template
		assert.Equal(t, "high", newTestClient(t).NewPod(s).Spec.PriorityClassName, name)
		assert.Empty(t, template.Image(), name)
	}
	assert.Empty(t, (*PodTemplate)(nil).Image())
	withImage := `{spec: {containers: [{name: durability, image: mine}]}}`
	template, err := ParsePodTemplate([]byte(withImage), PodTemplateContext{JournalFile: "/data/logs.log"})
	require.NoError(t, err)
	assert.Equal(t, "mine", template.Image())
}

func TestParsePodTemplate_NamesFieldOfRun(t *testing.T) {
	ours := func(field string) string { return `{spec: {containers: [{name: durability, ` + field + `}]}}` }
	for manifest, field := range map[string]string{
		`{metadata: {name: x}}`:                                     "metadata.name unset",
		`{metadata: {namespace: x}}`:                                "metadata.namespace unset",
		`{metadata: {labels: {volume-durability/run: x}}}`:          "metadata.labels[volume-durability/run] unset",
		`{metadata: {labels: {chaosUID: x}}}`:                       "metadata.labels[chaosUID] unset",
		`{metadata: {annotations: {volume-durability/journal: x}}}`: "metadata.annotations[volume-durability/journal]",
		`{metadata: {labels: {$patch: replace}}}`:                   "metadata.labels.$patch unset",
		`{metadata: {labels: null}}`:                                "metadata.labels a value",
		`{spec: {containers: null}}`:                                "spec.containers a value",
		`{spec: {restartPolicy: Always}}`:                           "spec.restartPolicy unset",
		`{spec: {activeDeadlineSeconds: 5}}`:                        "spec.activeDeadlineSeconds unset",
		`{spec: {nodeName: n1}}`:                                    "spec.nodeName unset: WRITER_NODE",
		`{spec: {securityContext: {runAsUser: 0}}}`:                 "spec.securityContext.runAsUser unset: RUN_AS_USER",
		`{spec: {securityContext: {fsGroup: 0}}}`:                   "spec.securityContext.fsGroup unset: FS_GROUP",
		`{spec: {nodeSelector: {kubernetes.io/os: windows}}}`:       "spec.nodeSelector[kubernetes.io/os] linux",
		`{spec: {volumes: [{name: log-storage, emptyDir: {}}]}}`:    "spec.volumes[0].name other than log-storage",
		`{spec: {containers: [{name: durable}]}}`:                   "spec.containers[0].name durability",
		ours(`command: [sh]`):                                       "spec.containers[0].command unset",
		ours(`args: [x]`):                                           "spec.containers[0].args unset",
		ours(`image: x`):                                            "spec.containers[0].image unset: LIB_IMAGE",
		ours(`imagePullPolicy: Never`):                              "spec.containers[0].imagePullPolicy unset",
		ours(`livenessProbe: {exec: {command: [x]}}`):               "spec.containers[0].livenessProbe unset",
		ours(`securityContext: {runAsUser: 0}`):                     "spec.containers[0].securityContext.runAsUser unset",
		ours(`volumeMounts: [{name: x, mountPath: /data}]`):         "spec.containers[0].volumeMounts[0] with",
		ours(`volumeMounts: [{name: x, mountPath: /}]`):             "spec.containers[0].volumeMounts[0] with",
		ours(`volumeMounts: [{name: x, mountPath: /data/x}]`):       "spec.containers[0].volumeMounts[0] with",
		ours(`volumeMounts: [{name: log-storage, mountPath: /x}]`):  "spec.containers[0].volumeMounts[0] with",
		ours(`volumeDevices: [{name: x, devicePath: /x}]`):          "spec.containers[0].volumeDevices unset",
		ours(`resources: {limits: {memory: 16Mi}}`):                 "resources.limits.memory of at least 64Mi",
		`{apiVersion: v1, kind: Pod, status: {phase: Running}}`:     "status unset",
		`{apiVersion: v1, kind: Deployment}`:                        "kind Deployment: want v1, Pod or PodTemplate",
		`{spec: {nodeSelectors: {a: b}}}`:                           "unknown field",
		ours(`volumeMounts: [{name: x}]`):                           "merging the pod template",
	} {
		_, err := ParsePodTemplate([]byte(manifest), templateContext)
		assert.ErrorContains(t, err, field, manifest)
	}
	_, err := ParsePodTemplate([]byte(ours(`volumeMounts: [{name: x, mountPath: /database}]`)), templateContext)
	assert.NoError(t, err)
}

func TestParsePodTemplate_NamesAllFieldsAtOnce(t *testing.T) {
	const manifest = `{metadata: {name: x}, spec: {nodeName: n, containers: [{name: durability, args: [x]}]}}`
	_, err := ParsePodTemplate([]byte(manifest), templateContext)
	require.Error(t, err)
	assert.Len(t, strings.Split(err.Error(), "\n"), 3)
}

func TestPod_TemplateMayHaveOnlyOnePart(t *testing.T) {
	plain := newTestClient(t).NewPod(spec())
	for name, c := range map[string]struct{ manifest, label, priority string }{
		"only metadata":                    {"metadata: {labels: {team: storage}}", "storage", ""},
		"only spec":                        {"spec: {priorityClassName: high}", "", "high"},
		"a PodTemplate with a spec":        {"{apiVersion: v1, kind: PodTemplate, template: {spec: {priorityClassName: high}}}", "", "high"},
		"a PodTemplate without a template": {"{apiVersion: v1, kind: PodTemplate}", "", ""},
		"a Pod without fields":             {"{apiVersion: v1, kind: Pod}", "", ""},
		"nothing":                          {"", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			template, err := ParsePodTemplate([]byte(c.manifest), templateContext)
			require.NoError(t, err)
			s := spec()
			s.Template = template
			pod := newTestClient(t).NewPod(s)
			require.NotNil(t, ContainerOf(pod))
			assert.Equal(t, plain.Spec.Containers, pod.Spec.Containers)
			assert.Equal(t, plain.Name, pod.Name)
			assert.Equal(t, plain.Labels[RunLabel], pod.Labels[RunLabel])
			assert.Equal(t, c.label, pod.Labels["team"])
			assert.Equal(t, c.priority, pod.Spec.PriorityClassName)
		})
	}
}
