package command

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"strconv"

	"github.com/sirupsen/logrus"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/uuid"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/terminal"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/pkg/run"
)

// runSpec describes a run to execute, for a user or for a ChaosEngine.
type runSpec struct {
	id       string
	options  options.Values
	template *corev1.PersistentVolumeClaim
	// clusterFlags select the cluster in a command that a message names.
	clusterFlags string
	cluster      connection
	// image is the image of the pods if the options name none.
	image string
	// inherited are the settings of the experiment's pod. On the command line there is no such pod.
	inherited kube.PodSettings
	// ownAnnotations are the annotations of the experiment's pod.
	ownAnnotations map[string]string
	podTemplate    *kube.PodTemplate
	// isRetry reports whether there was a previous attempt at the same run.
	isRetry bool
	// owner is the owner of every object that the run creates; nil for none.
	owner *metav1.OwnerReference
	// labels are added to every object, in addition to the labels of the run.
	labels map[string]string
	engine *result.Engine

	hooks run.Hooks
	log   logrus.FieldLogger
}

// newRunSpec reads the options, and the templates that they may name. The
// error joins all mistakes.
func newRunSpec(getenv func(string) string) (runSpec, error) {
	opts, err := options.Parse(getenv)
	template, templateErr := readClaimTemplate(opts.ClaimTemplate)
	podTemplate, podTemplateErr := readPodTemplate(opts)
	spec := runSpec{id: string(uuid.NewUUID()), options: opts, template: template, podTemplate: podTemplate}
	return spec, errors.Join(err, validateMemoryLimit(opts), templateErr, podTemplateErr)
}

// readClaimTemplate reads the template of the claims; nil if there is none.
func readClaimTemplate(file string) (*corev1.PersistentVolumeClaim, error) {
	if file == "" {
		return nil, nil
	}
	manifest, err := readFile(file)
	if err != nil {
		return nil, options.InvalidValueError{Name: templateOption, Value: file, Want: "a readable file: " + err.Error()}
	}
	claim, err := kube.ParseClaimTemplate(manifest)
	if err != nil {
		return nil, options.InvalidValueError{Name: templateOption, Value: file, Want: err.Error()}
	}
	return claim, nil
}

// podImage returns the image of the pods.
func (s runSpec) podImage() string {
	return cmp.Or(s.options.Image, s.podTemplate.Image(), s.image)
}

// validateImage returns an error if the image of the pods is unknown.
func (s runSpec) validateImage() error {
	if s.podImage() != "" {
		return nil
	}
	return options.InvalidValueError{
		Name: imageOption, Want: "an image: that of the experiment is unknown, because its own container was not found",
	}
}

// run returns the run that the spec describes.
func (s runSpec) run() run.Run {
	labels := map[string]string{
		kube.RunLabel:               s.id,
		"app.kubernetes.io/part-of": "volume-durability",
	}
	if s.options.Keep {
		labels[kube.KeepLabel] = strconv.FormatBool(s.options.Keep)
	}
	maps.Copy(labels, s.labels)
	return run.Run{
		ID: s.id, IsRetry: s.isRetry, Options: s.options, Image: s.podImage(), ClaimTemplate: s.template,
		PodSettings: s.podSettings(), PodTemplate: s.podTemplate,
		Hooks: s.hooks, Log: s.log,
		Kube: kube.Client{
			API: s.cluster.client, Logs: s.cluster.logs, Dynamic: s.cluster.dynamic, Namespace: s.options.Namespace,
			Timeout: s.options.StatusTimeout, Log: s.log, Owner: s.owner, Labels: labels,
		},
	}
}

// execute executes the run. The error is that of a hook that ended the run.
func (s runSpec) execute(ctx context.Context) (result.Result, error) {
	r, err := s.run().Execute(ctx)
	return s.describe(r), err
}

// describe adds to a result which program produced it, for which engine and cluster. The result of a user's run names
// flags.
func (s runSpec) describe(r result.Result) result.Result {
	if s.engine == nil {
		r = r.EditTexts(options.UseFlags)
	}
	r.Tool, r.Engine = terminal.BuildInfo(s.podImage()), s.engine
	if s.cluster.config != nil {
		r.Cluster.Server = s.cluster.config.Host
	}
	if s.cluster.warned != nil {
		r.Cluster.Warnings = s.cluster.warned.all()
	}
	return r
}
