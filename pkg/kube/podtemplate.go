package kube

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"sigs.k8s.io/yaml"

	"github.com/volume-durability/volume-durability/pkg/options"
)

// PodTemplate is a manifest that is merged into the pods of a run.
type PodTemplate struct {
	patch []byte
	// image is the image of the container of the run; empty if the template has none.
	image string
}

// Image returns the image that the template sets; empty if it sets none. A nil template sets none.
func (t *PodTemplate) Image() string {
	if t == nil {
		return ""
	}
	return t.image
}

// PodTemplateContext is what a template must fit.
type PodTemplateContext struct {
	// JournalFile is the path of the journal in the pods.
	JournalFile string
	// ImageSet reports whether an option sets the image.
	ImageSet bool
}

// ParsePodTemplate parses the manifest of a Pod or a PodTemplate, or a PodTemplateSpec without a kind. It
// returns one joined error, with a part for each field that the template must not set. Each part has the wanted value.
func ParsePodTemplate(manifest []byte, context PodTemplateContext) (*PodTemplate, error) {
	raw, err := podTemplateFields(manifest)
	if err != nil {
		return nil, fmt.Errorf("parsing the pod template: %w", err)
	}
	check := templateCheck{PodTemplateContext: context}
	check.template(raw)
	if len(check.mistakes) > 0 {
		return nil, errors.Join(check.mistakes...)
	}
	// A null in a patch removes the field, so a part that the template does not have is left out.
	fields := map[string]any{}
	for _, part := range []string{"metadata", "spec"} {
		if object := objectFields(raw[part]); object != nil {
			fields[part] = object
		}
	}
	patch, err := json.Marshal(fields)
	if err != nil {
		return nil, fmt.Errorf("encoding the pod template: %w", err)
	}
	t := &PodTemplate{patch: patch, image: check.image}
	// A list without its merge key shows only when it is merged.
	for _, block := range []bool{false, true} {
		sample := Client{}.newPod(PodSpec{Path: path.Dir(context.JournalFile), Block: block, Claim: "claim"})
		if _, err := t.merge(sample); err != nil {
			return nil, fmt.Errorf("merging the pod template: %w", err)
		}
	}
	return t, nil
}

// mergeInto returns the pod with the template merged into it.
func (t *PodTemplate) mergeInto(pod *corev1.Pod) *corev1.Pod {
	merged, err := t.merge(pod)
	if err != nil {
		panic(fmt.Sprintf("a pod template that was merged before cannot be merged: %v", err))
	}
	return merged
}

func (t *PodTemplate) merge(pod *corev1.Pod) (*corev1.Pod, error) {
	original, err := json.Marshal(pod)
	if err != nil {
		return nil, err
	}
	encoded, err := strategicpatch.StrategicMergePatch(original, t.patch, corev1.Pod{})
	if err != nil {
		return nil, err
	}
	var merged corev1.Pod
	if err := json.Unmarshal(encoded, &merged); err != nil {
		return nil, err
	}
	return &merged, nil
}

// podTemplateFields returns the fields of a manifest that may have one of three forms. It rejects unknown fields.
func podTemplateFields(manifest []byte) (map[string]any, error) {
	raw := map[string]any{}
	if err := yaml.Unmarshal(manifest, &raw); err != nil {
		return nil, err
	}
	switch kind := fmt.Sprintf("%v/%v", raw["apiVersion"], raw["kind"]); kind {
	case "v1/Pod":
		delete(raw, "apiVersion")
		delete(raw, "kind")
		return raw, yaml.UnmarshalStrict(manifest, &corev1.Pod{})
	case "v1/PodTemplate":
		return objectFields(raw["template"]), yaml.UnmarshalStrict(manifest, &corev1.PodTemplate{})
	case "<nil>/<nil>":
		return raw, yaml.UnmarshalStrict(manifest, &corev1.PodTemplateSpec{})
	default:
		return nil, fmt.Errorf("apiVersion %v, kind %v: want v1, Pod or PodTemplate, or neither",
			raw["apiVersion"], raw["kind"])
	}
}

// objectFields returns the fields of an object in a manifest.
func objectFields(value any) map[string]any {
	object, _ := value.(map[string]any)
	return object
}

// objects returns the objects in a list of a manifest.
func objects(value any) []map[string]any {
	list, _ := value.([]any)
	all := make([]map[string]any, len(list))
	for i, item := range list {
		all[i] = objectFields(item)
	}
	return all
}

// What the run sets in its pods, with the reason or with the option that sets it.
var (
	fixedPodFields = map[string]string{
		"restartPolicy":         "the run needs a container that is not restarted",
		"activeDeadlineSeconds": "the run decides when its pods end",
		"ephemeralContainers":   "they cannot be part of a new pod",
		"nodeName":              "WRITER_NODE and READER_NODE set it",
		"schedulingGates":       "nothing would remove them",
	}
	fixedIdentityFields = map[string]string{
		"runAsUser": "RUN_AS_USER sets it", "runAsGroup": "RUN_AS_GROUP sets it",
		"runAsNonRoot":       "RUN_AS_USER sets it",
		"supplementalGroups": "SUPPLEMENTAL_GROUPS sets it",
		"fsGroup":            "FS_GROUP sets it", "fsGroupChangePolicy": "the run sets it with FS_GROUP",
	}
	fixedContainerFields = map[string]string{
		"command": "the run sets it", "args": "the run sets it with the command",
		"imagePullPolicy": "LIB_IMAGE_PULL_POLICY sets it",
		"restartPolicy":   "the run needs a container that is not restarted",
		"livenessProbe":   "a probe could end the writer", "readinessProbe": "the run does not wait for it",
		"startupProbe": "a probe could end the writer", "lifecycle": "a hook could end or delay the writer",
		"restartPolicyRules": "the run needs a container that is not restarted",
	}
)

// templateCheck collects the fields that a template must not set.
type templateCheck struct {
	PodTemplateContext
	mistakes []error
	image    string
}

func (c *templateCheck) reject(field, format string, args ...any) {
	c.mistakes = append(c.mistakes, fmt.Errorf("%s %s", field, fmt.Sprintf(format, args...)))
}

func (c *templateCheck) template(raw map[string]any) {
	metadata, spec := objectFields(raw["metadata"]), objectFields(raw["spec"])
	delete(metadata, "creationTimestamp") // kubectl create --dry-run prints it
	if len(objectFields(raw["status"])) == 0 {
		delete(raw, "status")
	}
	c.values("", raw)
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		if name != "metadata" && name != "spec" {
			c.reject(name, "unset: only metadata and spec can be merged")
		}
	}
	c.metadata(metadata)
	c.fixed("spec.", spec, fixedPodFields)
	c.fixed("spec.securityContext.", objectFields(spec["securityContext"]), fixedIdentityFields)
	system, set := objectFields(spec["nodeSelector"])[corev1.LabelOSStable]
	if set && system != string(corev1.Linux) {
		c.reject("spec.nodeSelector["+corev1.LabelOSStable+"]", "linux: the helper is a program for Linux")
	}
	for i, v := range objects(spec["volumes"]) {
		if v["name"] == volumeName {
			c.reject(fmt.Sprintf("spec.volumes[%d].name", i), "other than %s, which is the volume under test", volumeName)
		}
	}
	for i, container := range objects(spec["containers"]) {
		c.container(fmt.Sprintf("spec.containers[%d].", i), container)
	}
}

// values rejects null, which removes what the run sets, and directives of a patch.
func (c *templateCheck) values(field string, value any) {
	switch value := value.(type) {
	case nil:
		c.reject(field, "a value: null would remove what the run sets")
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			if strings.HasPrefix(name, "$") {
				c.reject(strings.TrimPrefix(field+"."+name, "."), "unset: a template cannot have directives")
				continue
			}
			c.values(strings.TrimPrefix(field+"."+name, "."), value[name])
		}
	case []any:
		for i, item := range value {
			c.values(fmt.Sprintf("%s[%d]", field, i), item)
		}
	}
}

// fixed rejects the fields of an object that have another source.
func (c *templateCheck) fixed(prefix string, object map[string]any, sources map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if source, fixed := sources[name]; fixed {
			c.reject(prefix+name, "unset: %s", source)
		}
	}
}

func (c *templateCheck) metadata(metadata map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(metadata)) {
		if name != "labels" && name != "annotations" {
			c.reject("metadata."+name, "unset: the run sets it")
			continue
		}
		for _, entry := range slices.Sorted(maps.Keys(objectFields(metadata[name]))) {
			if options.IsReserved(entry) {
				c.reject("metadata."+name+"["+entry+"]", "unset: the run sets it")
			}
		}
	}
}

func (c *templateCheck) container(prefix string, container map[string]any) {
	if container["name"] != ContainerName {
		if image, _ := container["image"].(string); image == "" {
			c.reject(prefix+"name", "%s, which is the container of the run, or an image for another container", ContainerName)
		}
		return
	}
	c.fixed(prefix, container, fixedContainerFields)
	c.fixed(prefix+"securityContext.", objectFields(container["securityContext"]), fixedIdentityFields)
	c.image, _ = container["image"].(string)
	if c.image != "" && c.ImageSet {
		c.reject(prefix+"image", "unset: LIB_IMAGE sets it")
	}
	for i, mount := range objects(container["volumeMounts"]) {
		at, _ := mount["mountPath"].(string)
		if mount["name"] == volumeName || c.hidesJournal(at) {
			c.reject(fmt.Sprintf("%svolumeMounts[%d]", prefix, i), "with another name and a path outside of %s, where "+
				"the volume under test is mounted", path.Dir(c.JournalFile))
		}
	}
	if _, set := container["volumeDevices"]; set {
		c.reject(prefix+"volumeDevices", "unset: the run sets it for VOLUME_MODE=Block")
	}
	c.memoryLimit(prefix, objectFields(objectFields(container["resources"])["limits"]))
}

// hidesJournal reports whether a mount at a path would be above or below the journal's folder.
func (c *templateCheck) hidesJournal(mountPath string) bool {
	inside := func(outer, inner string) bool {
		return strings.HasPrefix(inner+"/", strings.TrimSuffix(outer, "/")+"/")
	}
	at, folder := path.Clean(mountPath), path.Dir(c.JournalFile)
	return mountPath != "" && (inside(folder, at) || inside(at, folder))
}

// memoryLimit rejects a limit below which the kernel could end the reader.
func (c *templateCheck) memoryLimit(prefix string, limits map[string]any) {
	memory, set := limits[string(corev1.ResourceMemory)]
	limit, err := apiresource.ParseQuantity(fmt.Sprint(memory))
	if set && err == nil && limit.Cmp(MinMemoryLimit) < 0 {
		c.reject(prefix+"resources.limits.memory", "of at least %s", MinMemoryLimit.String())
	}
}
