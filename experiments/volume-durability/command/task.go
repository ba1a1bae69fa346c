package command

import (
	"context"
	"errors"
	"maps"
	"os"
	"strconv"

	"github.com/sirupsen/logrus"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/uuid"

	"github.com/volume-durability/volume-durability/pkg/evidence"
	"github.com/volume-durability/volume-durability/pkg/inputs"
	"github.com/volume-durability/volume-durability/pkg/run"
	"github.com/volume-durability/volume-durability/pkg/workload"
)

// task is a run to be made, whoever asks for it: a person or a ChaosEngine.
type task struct {
	id       string
	settings inputs.Settings
	template *corev1.PersistentVolumeClaim
	cluster  connection
	// image is that of the pods, where the settings name none.
	image string
	// again says that an earlier attempt was made; owner is what everything goes with;
	// labels are what everything bears beside the run's own.
	again  bool
	owner  *metav1.OwnerReference
	labels map[string]string
	engine *evidence.Engine

	companion run.Companion
	log       logrus.FieldLogger
}

// read reads the inputs, and the manifest that one of them may name. The error joins
// all mistakes.
func read(getenv func(string) string) (task, error) {
	settings, err := inputs.Parse(getenv)
	template, templateErr := claimTemplate(settings.ClaimTemplate)
	return task{id: string(uuid.NewUUID()), settings: settings, template: template}, errors.Join(err, templateErr)
}

// claimTemplate reads the manifest of the claims to make; nil where there is none.
func claimTemplate(file string) (*corev1.PersistentVolumeClaim, error) {
	if file == "" {
		return nil, nil
	}
	manifest, err := os.ReadFile(file)
	if err != nil {
		return nil, inputs.Problem{Name: templateInput, Value: file, Want: "a file in the experiment's pod: " + err.Error()}
	}
	claim, err := workload.ReadTemplate(manifest)
	if err != nil {
		return nil, inputs.Problem{Name: templateInput, Value: file, Want: err.Error()}
	}
	return claim, nil
}

// libImage is the image that the pods run.
func (t task) libImage() string {
	if t.settings.Image != "" {
		return t.settings.Image
	}
	return t.image
}

// run is the run as its own package knows it.
func (t task) run() run.Run {
	labels := map[string]string{
		workload.RunLabel:           t.id,
		"app.kubernetes.io/part-of": "volume-durability",
	}
	if t.settings.Keep {
		labels[workload.KeepLabel] = strconv.FormatBool(t.settings.Keep)
	}
	maps.Copy(labels, t.labels)
	return run.Run{
		ID: t.id, Again: t.again, Settings: t.settings, Image: t.libImage(), Template: t.template, Companion: t.companion, Log: t.log,
		Namespace: workload.Namespace{
			Client: t.cluster.client, Name: t.settings.Namespace, Timeout: t.settings.StatusTimeout, Log: t.log, Owner: t.owner, Labels: labels,
		},
	}
}

// carryOut makes the run. The error is the companion's, where that ended it.
func (t task) carryOut(ctx context.Context) (evidence.Result, error) {
	result, err := t.run().Execute(ctx)
	return t.sign(result), err
}

// sign says in a result who made it, and where.
func (t task) sign(result evidence.Result) evidence.Result {
	result.Tool, result.Engine = tool(t.libImage()), t.engine
	if t.cluster.config != nil {
		result.Cluster.Server = t.cluster.config.Host
	}
	if t.cluster.warned != nil {
		result.Cluster.Warnings = t.cluster.warned.all()
	}
	return result
}
