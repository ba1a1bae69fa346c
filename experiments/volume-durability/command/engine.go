package command

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// experimentName is what the charts call the experiment.
const experimentName = "volume-durability"

// engineFile is what a ChaosEngine asks for, with its ChaosExperiment, if that is there too.
type engineFile struct {
	name   string
	env    map[string]string
	image  string
	probes []string
}

// readEngine reads a ChaosEngine, and its ChaosExperiment, from files. What else is in
// them is of no matter. The error joins all mistakes.
func readEngine(ctx context.Context, stdin io.Reader, files ...string) (engineFile, error) {
	var engines []v1alpha1.ChaosEngine
	var experiments []v1alpha1.ChaosExperiment
	for _, file := range files {
		documents, err := documentsOf(ctx, stdin, file)
		if err != nil {
			return engineFile{}, err
		}
		for _, d := range documents {
			if err := sortInto(d, &engines, &experiments); err != nil {
				return engineFile{}, fmt.Errorf("--engine %s: %w", file, err)
			}
		}
	}
	if len(engines) != 1 {
		return engineFile{}, fmt.Errorf("--engine %s: want one ChaosEngine, found %d", strings.Join(files, ", "), len(engines))
	}
	return asked(engines[0], experiments)
}

// documentsOf are the documents of a file of YAML or JSON.
func documentsOf(ctx context.Context, stdin io.Reader, file string) ([][]byte, error) {
	read := func() ([]byte, error) { return os.ReadFile(file) }
	if file == "-" {
		read = func() ([]byte, error) { return allOf(ctx, stdin) }
	}
	content, err := read()
	if err != nil {
		return nil, fmt.Errorf("--engine %s: want a file that can be read: %w", file, err)
	}
	var all [][]byte
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(content)))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("--engine %s: %w", file, err)
		}
		all = append(all, document)
	}
}

// sortInto reads a document, if it is of a kind that matters.
func sortInto(document []byte, engines *[]v1alpha1.ChaosEngine, experiments *[]v1alpha1.ChaosExperiment) error {
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
			return fmt.Errorf("reading a ChaosEngine: %w", err)
		}
		*engines = append(*engines, e)
	case "ChaosExperiment":
		var e v1alpha1.ChaosExperiment
		if err := yaml.Unmarshal(document, &e); err != nil {
			return fmt.Errorf("reading a ChaosExperiment: %w", err)
		}
		*experiments = append(*experiments, e)
	}
	return nil
}

// asked is what an engine asks for: the experiment's env, the engine's over it, and
// what chaos-runner makes of the engine's other fields.
func asked(engine v1alpha1.ChaosEngine, experiments []v1alpha1.ChaosExperiment) (engineFile, error) {
	var problems []error
	wrong := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf("ChaosEngine "+engine.Name+": "+format, args...))
	}
	if engine.Spec.EngineState == v1alpha1.EngineStateStop {
		wrong("engineState=%q: want active", engine.Spec.EngineState)
	}
	f := engineFile{name: engine.Name, env: map[string]string{}}
	found := false
	for _, listed := range engine.Spec.Experiments {
		definition := definitionOf(listed.Name, experiments)
		if !isOurs(listed.Name, definition) {
			wrong("experiment %q is another one: only %s can be run here", listed.Name, experimentName)
			continue
		}
		if found {
			wrong("want one experiment %s, found several", experimentName)
			continue
		}
		found = true
		c := listed.Spec.Components
		if definition != nil {
			f.image = definition.Image
			if definition.ImagePullPolicy != "" {
				f.env["LIB_IMAGE_PULL_POLICY"] = string(definition.ImagePullPolicy)
			}
			problems = append(problems, f.overlay(definition.ENVList)...)
		}
		if c.ExperimentImage != "" {
			f.image = c.ExperimentImage
		}
		problems = append(problems, f.overlay(c.ENV)...)
		delete(f.env, "STATUS_CHECK_TIMEOUT") // chaos-runner sets it itself
		if c.StatusCheckTimeouts.Timeout != 0 {
			f.env["STATUS_CHECK_TIMEOUT"] = strconv.Itoa(c.StatusCheckTimeouts.Timeout)
		}
		for _, p := range listed.Spec.Probe {
			f.probes = append(f.probes, p.Name)
		}
	}
	if !found && len(problems) == 0 {
		wrong("want an experiment %s, found none", experimentName)
	}
	return f, errors.Join(problems...)
}

// definitionOf is that of the experiment of a name; nil where it was not given.
func definitionOf(name string, experiments []v1alpha1.ChaosExperiment) *v1alpha1.ExperimentDef {
	for i, e := range experiments {
		if e.Name == name {
			return &experiments[i].Spec.Definition
		}
	}
	return nil
}

// isOurs says whether an experiment is this one, by its program, or by its name where
// the program is not known.
func isOurs(name string, definition *v1alpha1.ExperimentDef) bool {
	if definition == nil || len(definition.Command) == 0 {
		return name == experimentName
	}
	return path.Base(definition.Command[0]) == experimentName
}

// overlay sets variables. One whose value is elsewhere in a cluster cannot be known here.
func (f *engineFile) overlay(env []corev1.EnvVar) []error {
	var problems []error
	for _, e := range env {
		if e.ValueFrom != nil {
			problems = append(problems, fmt.Errorf("ChaosEngine %s: %s has its value from elsewhere in the cluster: want it in the file, or --%s", f.name, e.Name, flagOf(e.Name)))
			continue
		}
		f.env[e.Name] = e.Value
	}
	return problems
}

// getenv is the environment that the experiment would have; nil where there is no engine.
func (f engineFile) getenv() func(string) string {
	if f.env == nil {
		return nil
	}
	return func(name string) string { return f.env[name] }
}

// without says what is not shown where the engine's own probes are left out, or that
// they must not be left out in silence.
func (f engineFile) without(agreed bool) ([]string, error) {
	if len(f.probes) == 0 {
		return nil, nil
	}
	names := strings.Join(f.probes, ", ")
	if !agreed {
		return nil, fmt.Errorf("ChaosEngine %s: its probes (%s) need Litmus: --without-probes runs it without them", f.name, names)
	}
	return []string{fmt.Sprintf("the probes of ChaosEngine %s were not run: %s", f.name, names)}, nil
}
