package command

import (
	"errors"
	"maps"

	corev1 "k8s.io/api/core/v1"

	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/options"
)

// readPodTemplate reads the template of the pods; nil if there is none.
func readPodTemplate(opts options.Values) (*kube.PodTemplate, error) {
	file := opts.PodTemplate
	if file == "" {
		return nil, nil
	}
	manifest, err := readFile(file)
	if err != nil {
		return nil, options.InvalidValueError{Name: podTemplateOption, Value: file, Want: "a readable file: " + err.Error()}
	}
	context := kube.PodTemplateContext{JournalFile: opts.JournalFile, ImageSet: opts.Image != ""}
	template, err := kube.ParsePodTemplate(manifest, context)
	if err == nil {
		return template, nil
	}
	var invalid []error
	mistakes := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		mistakes = joined.Unwrap()
	}
	for _, mistake := range mistakes {
		invalid = append(invalid, options.InvalidValueError{Name: podTemplateOption, Value: file, Want: mistake.Error()})
	}
	return nil, errors.Join(invalid...)
}

// validateMemoryLimit returns an error if the kernel could end the reader for lack of memory.
func validateMemoryLimit(opts options.Values) error {
	limit, set := opts.ResourceLimits[corev1.ResourceMemory]
	if !set || limit.Cmp(kube.MinMemoryLimit) >= 0 {
		return nil
	}
	return options.InvalidValueError{
		Name: "RESOURCE_LIMITS", Value: "memory=" + limit.String(),
		Want: "at least memory=" + kube.MinMemoryLimit.String() + ", which the reader may need",
	}
}

// podSettings returns the settings of the pods: those of the experiment's pod, unless an option replaces them.
func (s runSpec) podSettings() kube.PodSettings {
	o, settings := s.options, s.inherited
	if o.ImagePullSecrets != nil {
		settings.ImagePullSecrets = nil
		for _, name := range o.ImagePullSecrets {
			settings.ImagePullSecrets = append(settings.ImagePullSecrets, corev1.LocalObjectReference{Name: name})
		}
	}
	if o.Tolerations != nil {
		settings.Tolerations = o.Tolerations
	}
	if o.NodeSelector != nil {
		settings.NodeSelector, settings.NodeAffinity = o.NodeSelector, nil
	}
	if o.PriorityClass != nil {
		settings.PriorityClassName = *o.PriorityClass
	}
	if o.RuntimeClass != nil {
		settings.RuntimeClassName = o.RuntimeClass
		if *o.RuntimeClass == "" {
			settings.RuntimeClassName = nil
		}
	}
	if o.ResourceRequests != nil {
		settings.Resources.Requests = o.ResourceRequests
	}
	if o.ResourceLimits != nil {
		settings.Resources.Limits = o.ResourceLimits
	}
	settings.Labels, settings.Annotations = o.PodLabels, s.podAnnotations()
	return settings
}

// podAnnotations returns the annotations that the options set, and those that they copy from the experiment's pod.
func (s runSpec) podAnnotations() map[string]string {
	annotations := map[string]string{}
	for _, name := range s.options.CopiedAnnotations {
		if value, set := s.ownAnnotations[name]; set {
			annotations[name] = value
		}
	}
	maps.Copy(annotations, s.options.PodAnnotations)
	return annotations
}

// logSettings logs what a user may not expect of the settings of the pods.
func (s runSpec) logSettings() {
	for _, name := range s.options.CopiedAnnotations {
		if _, set := s.ownAnnotations[name]; !set {
			s.log.Warnf("The experiment's pod has no annotation %s to copy (POD_ANNOTATIONS)", name)
		}
	}
	limits := s.podSettings().Resources.Limits
	if cpu, set := limits[corev1.ResourceCPU]; set {
		s.log.Warnf("The pods have a limit of %s on cpu, which can lengthen commits; RESOURCE_LIMITS replaces it", cpu.String())
	}
	if memory, set := limits[corev1.ResourceMemory]; set && memory.Cmp(kube.MinMemoryLimit) < 0 {
		s.log.Warnf("The memory limit of the experiment's container, %s, is raised to %s for the pods: the reader may need it",
			memory.String(), kube.MinMemoryLimit.String())
	}
}
