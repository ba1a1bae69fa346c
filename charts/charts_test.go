// Package charts tests the manifests that users apply to a cluster: they must agree with the table of options and with
// each other.
package charts

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/tests/generated"
)

// documents parses the documents of a manifest strictly, each into its own value.
func documents(t *testing.T, file string, into ...any) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("volume-durability", file))
	require.NoError(t, err)
	parts := bytes.Split(content, []byte("\n---\n"))
	require.Len(t, parts, len(into), file)
	for i, part := range parts {
		require.NoError(t, yaml.UnmarshalStrict(part, into[i]), file)
	}
}

// describedExperiment is a ChaosExperiment with the description for chaos center. The API server accepts unknown fields
// in it; strict parsing finds misspelt ones.
type describedExperiment struct {
	chaosv1alpha1.ChaosExperiment `json:",inline"`
	Description                   struct{ Message string } `json:"description"`
}

// env returns the list of options as experiment.yaml has it. The comments are their descriptions without Markdown.
func env() string {
	var b strings.Builder
	b.WriteString("    env:\n")
	link := regexp.MustCompile(`\[([^]]*)\]\([^)]*\)`)
	for i, option := range options.Table() {
		if i > 0 {
			b.WriteString("\n")
		}
		line := "      #"
		for _, word := range strings.Fields(strings.ReplaceAll(link.ReplaceAllString(option.Doc, "$1"), "`", "")) {
			if len(line)+1+len(word) > 100 {
				b.WriteString(line + "\n")
				line = "      #"
			}
			line += " " + word
		}
		fmt.Fprintf(&b, "%s\n      - name: %s\n        value: %q\n", line, option.Name, option.Default)
	}
	return b.String()
}

func TestExperiment_ListsEveryOption(t *testing.T) {
	section := regexp.MustCompile(`(?s)    env:\n.*?\n\n?    labels:\n`)
	generated.CheckMatch(t, "volume-durability/experiment.yaml", section, env()+"\n    labels:\n")
}

func TestEngine_SetsValidOptions(t *testing.T) {
	var engine chaosv1alpha1.ChaosEngine
	documents(t, "engine.yaml", &engine)
	require.Len(t, engine.Spec.Experiments, 1)
	known := map[string]bool{}
	for _, option := range options.Table() {
		known[option.Name] = true
	}
	values := map[string]string{}
	for _, e := range engine.Spec.Experiments[0].Spec.Components.ENV {
		assert.True(t, known[e.Name], e.Name)
		values[e.Name] = e.Value
	}
	_, err := options.Parse(func(name string) string { return values[name] })
	assert.NoError(t, err)
}

func TestManifests_UseSameNames(t *testing.T) {
	var experiment describedExperiment
	var engine chaosv1alpha1.ChaosEngine
	var account corev1.ServiceAccount
	var role rbacv1.Role
	var binding rbacv1.RoleBinding
	documents(t, "experiment.yaml", &experiment)
	documents(t, "engine.yaml", &engine)
	documents(t, "rbac.yaml", &account, &role, &binding)
	assert.Equal(t, experiment.Name, engine.Spec.Experiments[0].Name)
	assert.Equal(t, account.Name, engine.Spec.ChaosServiceAccount)
	assert.Equal(t, account.Name, binding.Subjects[0].Name)
	assert.Equal(t, role.Name, binding.RoleRef.Name)
	for _, object := range []metav1.Object{&engine, &experiment, &account, &role, &binding} {
		assert.Empty(t, object.GetNamespace(), "kubectl apply -n must accept any namespace")
	}
	assert.Empty(t, binding.Subjects[0].Namespace, "it is the namespace of the RoleBinding then")
	assert.Equal(t, role.Rules, experiment.Spec.Definition.Permissions,
		"the experiment must list the permissions of the Role")
}
