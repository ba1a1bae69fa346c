package options

import (
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/volume-durability/volume-durability/pkg/provenance"
)

// completions returns the values to propose for the options that have a fixed set, by
// the option's name. A test checks that each option accepts its own.
func completions() map[string][]string {
	boolean := []string{"false", "true"}
	return map[string][]string{
		"RANDOMNESS":       boolean,
		"FORCE":            {"false", "true", "false,true"},
		"SEQUENCE":         {"parallel", "serial"},
		"VOLUME_SOURCE":    {string(Claim), string(EmptyDir)},
		"STORAGE_CLASSES":  {AllClasses},
		"ACCESS_MODE":      {string(corev1.ReadWriteOnce), string(corev1.ReadWriteOncePod), string(corev1.ReadWriteMany)},
		"VOLUME_MODE":      {string(corev1.PersistentVolumeFilesystem), string(corev1.PersistentVolumeBlock)},
		"READER_NODE":      {string(AnyNode), string(SameNode), string(OtherNode)},
		"KEEP":             boolean,
		"NEGATIVE_CONTROL": boolean,
		"LIB_IMAGE_PULL_POLICY": {
			string(corev1.PullAlways), string(corev1.PullIfNotPresent), string(corev1.PullNever),
		},
		"REQUIRED_EVIDENCE": provenance.LevelNames(),
		"BUNDLE_CONFIGMAP":  {NoBundle},
		"ORCHESTRATOR":      {string(Auto), string(Kubernetes), string(Swarm)},
	}
}

// Complete returns the values to propose after what has been typed. In a list, the last
// item is completed, with a value that is not in the list yet.
func (i Option) Complete(typed string) []string {
	listed := typed[:strings.LastIndex(typed, ",")+1]
	var all []string
	for _, value := range completions()[i.Name] {
		if value = listed + value; i.set(&Settings{}, value) == nil {
			all = append(all, value)
		}
	}
	return all
}
