package command

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/options"
)

// experimentName is the name of the experiment in the charts.
const experimentName = "volume-durability"

// engineSpec is what a ChaosEngine, together with its ChaosExperiment if there is one,
// asks for.
type engineSpec struct {
	name   string
	env    map[string]string
	image  string
	probes []string
	// settings are those that the engine sets for the experiment's pod.
	settings    kube.PodSettings
	annotations map[string]string
}

// manifests are the objects of Litmus that files contain.
type manifests struct {
	engines     []v1alpha1.ChaosEngine
	experiments []v1alpha1.ChaosExperiment
}

// readEngine reads a ChaosEngine, and its ChaosExperiment, from files. It ignores all
// other objects in them. The error joins all mistakes.
func readEngine(ctx context.Context, stdin io.Reader, files ...string) (engineSpec, error) {
	var m manifests
	for _, file := range files {
		documents, err := readDocuments(ctx, stdin, file)
		if err != nil {
			return engineSpec{}, err
		}
		for _, d := range documents {
			if err := m.add(d); err != nil {
				return engineSpec{}, fmt.Errorf("--engine %s: %w", file, err)
			}
		}
	}
	if len(m.engines) != 1 {
		return engineSpec{}, fmt.Errorf("--engine %s: want one ChaosEngine, found %d",
			strings.Join(files, ", "), len(m.engines))
	}
	return newEngineSpec(m.engines[0], m.experiments)
}

// readDocuments returns the documents of a YAML or JSON file.
func readDocuments(ctx context.Context, stdin io.Reader, file string) ([][]byte, error) {
	content, err := readFileOrStdin(ctx, stdin, file)
	if err != nil {
		return nil, fmt.Errorf("--engine: %w", err)
	}
	var documents [][]byte
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(content)))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return documents, nil
		}
		if err != nil {
			return nil, fmt.Errorf("--engine %s: %w", file, err)
		}
		documents = append(documents, document)
	}
}

// add decodes a document if it is a ChaosEngine or a ChaosExperiment.
func (m *manifests) add(document []byte) error {
	var kind metav1.TypeMeta
	if err := yaml.Unmarshal(document, &kind); err != nil {
		return err
	}
	if len(bytes.TrimSpace(document)) == 0 || kind.GroupVersionKind().Group != v1alpha1.SchemeGroupVersion.Group {
		return nil
	}
	switch kind.Kind {
	case "ChaosEngine":
		var e v1alpha1.ChaosEngine
		if err := yaml.Unmarshal(document, &e); err != nil {
			return fmt.Errorf("decoding a ChaosEngine: %w", err)
		}
		m.engines = append(m.engines, e)
	case "ChaosExperiment":
		var e v1alpha1.ChaosExperiment
		if err := yaml.Unmarshal(document, &e); err != nil {
			return fmt.Errorf("decoding a ChaosExperiment: %w", err)
		}
		m.experiments = append(m.experiments, e)
	}
	return nil
}

// newEngineSpec combines the environment variables of the experiment, of the engine, and
// those that chaos-runner sets from other fields of the engine. The engine overrides the
// experiment.
func newEngineSpec(engine v1alpha1.ChaosEngine, experiments []v1alpha1.ChaosExperiment) (engineSpec, error) {
	var errs []error
	fail := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("ChaosEngine "+engine.Name+": "+format, args...))
	}
	if engine.Spec.EngineState == v1alpha1.EngineStateStop {
		fail("engineState=%q: want active", engine.Spec.EngineState)
	}
	f := engineSpec{name: engine.Name, env: map[string]string{}}
	found := false
	for _, listed := range engine.Spec.Experiments {
		definition := findDefinition(listed.Name, experiments)
		switch {
		case !isThisExperiment(listed.Name, definition):
			fail("experiment %q: this command runs only %s", listed.Name, experimentName)
		case found:
			fail("the experiment %s occurs more than once", experimentName)
		default:
			found = true
			errs = append(errs, f.apply(listed, definition)...)
		}
	}
	if !found && len(errs) == 0 {
		fail("want an experiment %s, found none", experimentName)
	}
	return f, errors.Join(errs...)
}

// apply takes over what an engine's entry for the experiment, and the definition of the
// experiment if there is one, ask for.
func (f *engineSpec) apply(listed v1alpha1.ExperimentList, definition *v1alpha1.ExperimentDef) []error {
	var errs []error
	components := listed.Spec.Components
	if definition != nil {
		f.image = definition.Image
		if definition.ImagePullPolicy != "" {
			f.env["LIB_IMAGE_PULL_POLICY"] = string(definition.ImagePullPolicy)
		}
		errs = append(errs, f.setEnv(definition.ENVList)...)
	}
	if components.ExperimentImage != "" {
		f.image = components.ExperimentImage
	}
	f.settings = kube.PodSettings{
		ImagePullSecrets: components.ExperimentImagePullSecrets, Tolerations: components.Tolerations,
		NodeSelector: components.NodeSelector, Resources: components.Resources,
	}
	f.annotations = components.ExperimentAnnotations
	errs = append(errs, f.setEnv(components.ENV)...)
	delete(f.env, "STATUS_CHECK_TIMEOUT") // chaos-runner overwrites it
	if components.StatusCheckTimeouts.Timeout != 0 {
		f.env["STATUS_CHECK_TIMEOUT"] = strconv.Itoa(components.StatusCheckTimeouts.Timeout)
	}
	for _, p := range listed.Spec.Probe {
		f.probes = append(f.probes, p.Name)
	}
	return errs
}

// findDefinition returns the definition of an experiment; nil if no file contains it.
func findDefinition(name string, experiments []v1alpha1.ChaosExperiment) *v1alpha1.ExperimentDef {
	for i, e := range experiments {
		if e.Name == name {
			return &experiments[i].Spec.Definition
		}
	}
	return nil
}

// isThisExperiment reports whether an experiment is the one of this program. The command
// of its definition decides, or its name if that is unknown.
func isThisExperiment(name string, definition *v1alpha1.ExperimentDef) bool {
	if definition == nil || len(definition.Command) == 0 {
		return name == experimentName
	}
	return path.Base(definition.Command[0]) == experimentName
}

// setEnv sets variables. A variable that takes its value from a Secret or another object
// of a cluster is an error.
func (f *engineSpec) setEnv(env []corev1.EnvVar) []error {
	var errs []error
	for _, e := range env {
		if e.ValueFrom != nil {
			errs = append(errs, fmt.Errorf("ChaosEngine %s: %s uses valueFrom: set its value in the file, or with --%s",
				f.name, e.Name, options.FlagName(e.Name)))
			continue
		}
		f.env[e.Name] = e.Value
	}
	return errs
}

// getenv returns the environment that the experiment would have; nil without an engine.
func (f engineSpec) getenv() func(string) string {
	if f.env == nil {
		return nil
	}
	return func(name string) string { return f.env[name] }
}

// skippedProbes returns a note on the probes of the engine, which need Litmus. If the
// user did not agree to skip them, they are an error.
func (f engineSpec) skippedProbes(maySkip bool) ([]string, error) {
	if len(f.probes) == 0 {
		return nil, nil
	}
	names := strings.Join(f.probes, ", ")
	if !maySkip {
		return nil, fmt.Errorf("ChaosEngine %s: its probes (%s) need Litmus; to run without them, use --without-probes",
			f.name, names)
	}
	return []string{fmt.Sprintf("the probes of ChaosEngine %s were not run: %s", f.name, names)}, nil
}
