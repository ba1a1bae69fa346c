package command

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/volume-durability/volume-durability/pkg/kube"
)

const chart = "../../../charts/volume-durability/"

func readManifest(t *testing.T, manifest string) (engineSpec, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "engine.yaml")
	require.NoError(t, os.WriteFile(file, []byte(manifest), 0o600))
	return readEngine(t.Context(), nil, file)
}

func TestReadEngine_Charts(t *testing.T) {
	e, err := readEngine(t.Context(), nil, chart+"engine.yaml", chart+"experiment.yaml", chart+"rbac.yaml")
	require.NoError(t, err)
	assert.Equal(t, "volume-durability/volume-durability:latest", e.image)
	assert.Equal(t, "any", e.env["READER_NODE"])
	assert.Equal(t, "5Gi", e.env["CLAIM_SIZE"], "from the experiment")
	assert.NotContains(t, e.env, "STATUS_CHECK_TIMEOUT", "chaos-runner does not pass it on")
	assert.Empty(t, e.probes)
	got, err := parseFlags(t, e.getenv())
	require.NoError(t, err)
	assert.Equal(t, "stig", got.Namespace)
}

func TestReadEngine_EngineOverridesExperiment(t *testing.T) {
	e, err := readManifest(t, `
apiVersion: litmuschaos.io/v1alpha1
kind: ChaosExperiment
metadata: {name: mine}
spec:
  definition:
    image: definitions:1
    imagePullPolicy: Never
    command: [/usr/local/bin/volume-durability]
    env: [{name: WRITE_RATE, value: "1"}, {name: FORCE, value: "true"}]
---
apiVersion: v1
kind: Secret
---
apiVersion: litmuschaos.io/v1alpha1
kind: ChaosEngine
metadata: {name: e}
spec:
  engineState: active
  experiments:
    - name: mine
      spec:
        probe: [{name: alive, type: httpProbe}]
        components:
          statusCheckTimeouts: {timeout: 7}
          nodeSelector: {pool: storage}
          tolerations: [{key: dedicated}]
          experimentImagePullSecrets: [{name: registry}]
          experimentAnnotations: {team: storage}
          resources: {limits: {memory: 1Gi}}
          env: [{name: WRITE_RATE, value: "2"}]
`)
	require.NoError(t, err)
	assert.Equal(t, "definitions:1", e.image)
	assert.Equal(t, map[string]string{
		"WRITE_RATE": "2", "FORCE": "true", "LIB_IMAGE_PULL_POLICY": "Never", "STATUS_CHECK_TIMEOUT": "7",
	}, e.env)

	assert.Equal(t, kube.PodSettings{
		NodeSelector: map[string]string{"pool": "storage"}, Tolerations: []corev1.Toleration{{Key: "dedicated"}},
		ImagePullSecrets: []corev1.LocalObjectReference{{Name: "registry"}},
		Resources: corev1.ResourceRequirements{
			Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")},
		},
	}, e.settings)
	assert.Equal(t, map[string]string{"team": "storage"}, e.annotations)

	_, err = e.skippedProbes(false)
	assert.ErrorContains(t, err, "its probes (alive) need Litmus; to run without them, use --without-probes")
	notShown, err := e.skippedProbes(true)
	require.NoError(t, err)
	assert.Equal(t, []string{"the probes of ChaosEngine e were not run: alive"}, notShown)
}

func TestReadEngine_ReportsAllMistakes(t *testing.T) {
	_, err := readManifest(t, `
apiVersion: litmuschaos.io/v1alpha1
kind: ChaosEngine
metadata: {name: e}
spec:
  engineState: stop
  experiments:
    - name: pod-delete
    - name: volume-durability
      spec: {components: {env: [{name: STORAGE_CLASS, valueFrom: {secretKeyRef: {name: s, key: k}}}]}}
`)
	for _, want := range []string{
		`engineState="stop"`, `experiment "pod-delete": this command runs only volume-durability`,
		"STORAGE_CLASS uses valueFrom: set its value in the file, or with --storage-class",
	} {
		assert.ErrorContains(t, err, want)
	}
	_, err = readEngine(t.Context(), nil, chart+"rbac.yaml")
	assert.ErrorContains(t, err, "want one ChaosEngine, found 0")
	_, err = readEngine(t.Context(), strings.NewReader("kind: ["), "-")
	assert.ErrorContains(t, err, "--engine -")
	_, err = readEngine(t.Context(), nil, "none.yaml")
	assert.ErrorContains(t, err, "--engine: open none.yaml: ")
}
