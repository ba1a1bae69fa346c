package run

import (
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/report/assessment"
	"github.com/volume-durability/volume-durability/pkg/report/rule"
)

func node(labels map[string]string) corev1.Node {
	return corev1.Node{ObjectMeta: metav1.ObjectMeta{Labels: labels}}
}

func TestOnlySwarm_NeedsLabelsOnAllNodes(t *testing.T) {
	swarm := node(map[string]string{swarmLabel: "true"})
	both := node(map[string]string{swarmLabel: "true", kubernetesLabel: "true"})
	notKubernetes := node(map[string]string{swarmLabel: "true", kubernetesLabel: "false"})
	unlabelled := node(nil)
	assert.True(t, OnlySwarm([]corev1.Node{swarm, notKubernetes}))
	assert.False(t, OnlySwarm([]corev1.Node{swarm, both}))
	assert.False(t, OnlySwarm([]corev1.Node{swarm, unlabelled}), "a missing label proves nothing")
	assert.False(t, OnlySwarm(nil), "no nodes prove nothing")
}

// A check is not applicable only with positive evidence, which an assessor finds in the result.
func TestExecute_RecordsHowTheOrchestratorWasDetermined(t *testing.T) {
	labelled := node(map[string]string{swarmLabel: "true"})
	for name, c := range map[string]struct {
		option  options.Orchestrator
		node    corev1.Node
		verdict judge.Verdict
		how     string
		status  assessment.Status
	}{
		"option": {
			options.Swarm, node(nil), judge.NotApplicable,
			"Swarm: set by the option ORCHESTRATOR", assessment.NotApplicable,
		},
		"labelled": {
			options.Auto, labelled, judge.NotApplicable,
			"Swarm: every node has the label " + swarmLabel + "=true, and none has " + kubernetesLabel + "=true",
			assessment.NotApplicable,
		},
		"not labelled": {
			options.Auto, node(nil), judge.Error,
			"Kubernetes: not every node is labelled as a Swarm-only node", assessment.NotReviewed,
		},
		"overruled": {
			options.Kubernetes, labelled, judge.Error,
			"Kubernetes: set by the option ORCHESTRATOR", assessment.NotReviewed,
		},
	} {
		t.Run(name, func(t *testing.T) {
			log := logrus.New()
			log.SetOutput(t.Output())
			opts := options.Defaults()
			opts.Orchestrator = c.option
			// If the check applies, the run ends because its namespace does not exist.
			client := kube.Client{API: fake.NewClientset(&c.node), Namespace: "stig", Timeout: time.Minute, Log: log}
			res, err := Run{ID: "run", Options: opts, Hooks: &planHooks{}, Log: log, Kube: client}.Execute(t.Context())
			require.NoError(t, err)
			assert.Equal(t, c.verdict, res.Verdict)
			assert.Equal(t, c.how, res.Cluster.Orchestrator)
			stig, err := rule.Find(rule.Default)
			require.NoError(t, err)
			assert.Equal(t, c.status, assessment.Assess(res, stig, assessment.Metadata{}).Status)
		})
	}
}
