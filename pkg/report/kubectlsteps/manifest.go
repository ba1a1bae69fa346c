package kubectlsteps

import (
	"fmt"
	"path"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/volume-durability/volume-durability/pkg/options"
)

// objects are the objects of a cell in the cluster.
type objects struct {
	plan                  options.CellSpec
	namespace, file       string
	size                  resource.Quantity
	claim, writer, reader string
	readerNode            string
}

func (o objects) isBlock() bool { return o.plan.VolumeMode == corev1.PersistentVolumeBlock }

func (o objects) claimObject() *corev1.PersistentVolumeClaim {
	claim := &corev1.PersistentVolumeClaim{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "PersistentVolumeClaim"},
		ObjectMeta: metav1.ObjectMeta{Name: o.claim},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{o.plan.AccessMode},
			Resources: corev1.VolumeResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceStorage: o.size},
			},
		},
	}
	if o.plan.StorageClass != "" {
		claim.Spec.StorageClassName = &o.plan.StorageClass
	}
	if o.isBlock() {
		claim.Spec.VolumeMode = &o.plan.VolumeMode
	}
	return claim
}

func (o objects) writerObject() *corev1.Pod { return o.podObject(o.writer, "", false) }

func (o objects) readerObject() *corev1.Pod { return o.podObject(o.reader, o.readerNode, true) }

func (o objects) podObject(name, node string, readOnly bool) *corev1.Pod {
	const volume = "log-storage"
	container := corev1.Container{Name: "busybox", Image: "busybox", Command: []string{"sleep", "infinity"}}
	if o.isBlock() {
		container.VolumeDevices = []corev1.VolumeDevice{{Name: volume, DevicePath: o.file}}
	} else {
		container.VolumeMounts = []corev1.VolumeMount{{Name: volume, MountPath: path.Dir(o.file), ReadOnly: readOnly}}
	}
	return &corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.PodSpec{
			NodeName:   node,
			Containers: []corev1.Container{container},
			Volumes:    []corev1.Volume{{Name: volume, VolumeSource: o.volumeSource()}},
		},
	}
}

func (o objects) volumeSource() corev1.VolumeSource {
	if o.plan.VolumeSource == options.EmptyDir {
		return corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}
	}
	return corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: o.claim}}
}

// manifest returns an object as YAML, without the status and the empty fields that its type adds. It panics if the object
// cannot be encoded, which the types above always can.
func manifest(object runtime.Object) string {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		panic(fmt.Sprintf("converting a %T: %v", object, err))
	}
	unstructured.RemoveNestedField(fields, "status")
	unstructured.RemoveNestedField(fields, "metadata", "creationTimestamp")
	if containers, found, _ := unstructured.NestedSlice(fields, "spec", "containers"); found {
		for _, c := range containers {
			delete(c.(map[string]any), "resources")
		}
		fields["spec"].(map[string]any)["containers"] = containers
	}
	encoded, err := yaml.Marshal(fields)
	if err != nil {
		panic(fmt.Sprintf("encoding a %T: %v", object, err))
	}
	return string(encoded)
}
