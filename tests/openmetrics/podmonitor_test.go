package openmetrics_test

import (
	"os"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// podMonitor has the fields of the PodMonitor in docs/metrics.md.
type podMonitor struct {
	Spec struct {
		PodMetricsEndpoints []struct {
			Relabelings []struct {
				Action       string
				SourceLabels []string `yaml:"sourceLabels"`
				Regex        string
				TargetLabel  string `yaml:"targetLabel"`
				Replacement  string
			}
		} `yaml:"podMetricsEndpoints"`
	}
}

// documentedRules returns the relabel rules of the PodMonitor in docs/metrics.md.
func documentedRules(t *testing.T) []*relabel.Config {
	t.Helper()
	page, err := os.ReadFile("../../docs/metrics.md")
	require.NoError(t, err)
	const begin = "    kind: PodMonitor\n"
	_, text, found := strings.Cut(string(page), begin)
	require.True(t, found, "docs/metrics.md has no PodMonitor")
	text, _, _ = strings.Cut(begin+text, "\n\n")
	var monitor podMonitor
	require.NoError(t, yaml.Unmarshal([]byte(text), &monitor))
	require.Len(t, monitor.Spec.PodMetricsEndpoints, 1)
	var rules []*relabel.Config
	for _, r := range monitor.Spec.PodMetricsEndpoints[0].Relabelings {
		rule := relabel.DefaultRelabelConfig
		rule.NameValidationScheme = model.UTF8Validation
		for _, name := range r.SourceLabels {
			rule.SourceLabels = append(rule.SourceLabels, model.LabelName(name))
		}
		if r.Action != "" {
			rule.Action = relabel.Action(r.Action)
		}
		if r.Regex != "" {
			rule.Regex = relabel.MustNewRegexp(r.Regex)
		}
		if r.Replacement != "" {
			rule.Replacement = r.Replacement
		}
		rule.TargetLabel = r.TargetLabel
		require.NoError(t, rule.Validate(model.UTF8Validation))
		rules = append(rules, &rule)
	}
	require.NotEmpty(t, rules)
	return rules
}

// Prometheus finds one target for each container of a pod. If the container declares no port, the address has none.
func TestPodMonitor_ScrapesTheExperimentAlone(t *testing.T) {
	rules := documentedRules(t)
	process := func(container string) (labels.Labels, bool) {
		target := labels.NewBuilder(labels.FromStrings("__address__", "10.0.0.7", "__meta_kubernetes_pod_ip", "10.0.0.7",
			"__meta_kubernetes_pod_container_name", container))
		kept := relabel.ProcessBuilder(target, rules...)
		return target.Labels(), kept
	}
	// chaos-runner names the container after the Job: the name of the ChaosExperiment and random characters.
	target, kept := process("volume-durability-x7k2pq")
	require.True(t, kept)
	assert.Equal(t, "10.0.0.7:9464", target.Get("__address__"))

	for _, other := range []string{"istio-proxy", "pod-delete-x7k2pq"} {
		_, kept = process(other)
		assert.False(t, kept, other)
	}
}
