package chaosengine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	watchtools "k8s.io/client-go/tools/watch"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"
)

const (
	// FaultsImage is the image of the test cluster with faults of litmus-go.
	FaultsImage = "volume-durability.test/litmus-faults:test"
	// FaultsUser is the service account of a fault.
	FaultsUser = "faults"
	// Victim is the name of the Deployment that a fault affects, and of its claim.
	Victim = "victim"
	// EngineName is the name of a ChaosEngine, in a namespace that has only one.
	EngineName = "engine"
)

// Fault is a fault of litmus-go that affects the pods of the victim.
type Fault struct {
	Name string
	Env  map[string]string
	// Attributes are the other attributes of the fault, for example its probes.
	Attributes chaosv1alpha1.ExperimentAttributes
}

// StartFault creates the ChaosExperiment of a fault and its ChaosEngine.
func (n *Namespace) StartFault(ctx context.Context, f Fault) error {
	litmus := n.Litmus.LitmuschaosV1alpha1()
	definition := chaosv1alpha1.ExperimentDef{
		Scope: "Namespaced", Permissions: []rbacv1.PolicyRule{}, Image: FaultsImage, ImagePullPolicy: corev1.PullNever,
		Command: []string{"/usr/local/bin/faults"}, Args: []string{f.Name}, Labels: map[string]string{"name": f.Name},
	}
	experiment := &chaosv1alpha1.ChaosExperiment{
		ObjectMeta: metav1.ObjectMeta{Name: f.Name}, Spec: chaosv1alpha1.ChaosExperimentSpec{Definition: definition},
	}
	if _, err := litmus.ChaosExperiments(n.Name).Create(ctx, experiment, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("creating ChaosExperiment %s/%s: %w", n.Name, f.Name, err)
	}
	for name, value := range f.Env {
		f.Attributes.Components.ENV = append(f.Attributes.Components.ENV, corev1.EnvVar{Name: name, Value: value})
	}
	engine := &chaosv1alpha1.ChaosEngine{
		ObjectMeta: metav1.ObjectMeta{Name: EngineName},
		Spec: chaosv1alpha1.ChaosEngineSpec{
			Appinfo: chaosv1alpha1.ApplicationParams{
				Appns: n.Name, Applabel: "app=" + Victim, AppKind: "deployment",
			},
			ChaosServiceAccount: FaultsUser,
			EngineState:         chaosv1alpha1.EngineStateActive,
			JobCleanUpPolicy:    chaosv1alpha1.CleanUpPolicyRetain,
			Experiments:         []chaosv1alpha1.ExperimentList{{Name: f.Name, Spec: f.Attributes}},
		},
	}
	if _, err := litmus.ChaosEngines(n.Name).Create(ctx, engine, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("creating ChaosEngine %s/%s: %w", n.Name, EngineName, err)
	}
	return nil
}

// CreateVictim creates a claim of a StorageClass, the Deployment that mounts it, and the permissions of a fault.
func (n *Namespace) CreateVictim(ctx context.Context, class string, deployment *appsv1.Deployment) error {
	claim := NewClaim(Victim, resource.MustParse("1Gi"))
	claim.Spec.StorageClassName = &class
	if _, err := n.Kube.CoreV1().PersistentVolumeClaims(n.Name).Create(ctx, claim, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("creating claim %s/%s: %w", n.Name, Victim, err)
	}
	if _, err := n.Kube.AppsV1().Deployments(n.Name).Create(ctx, deployment, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("creating Deployment %s/%s: %w", n.Name, deployment.Name, err)
	}
	return n.allowFaults(ctx)
}

// NewClaim returns a ReadWriteOnce claim of the default StorageClass.
func NewClaim(name string, size resource.Quantity) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources: corev1.VolumeResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceStorage: size},
			},
		},
	}
}

// AwaitAvailable returns once all pods of a Deployment are available.
func (n *Namespace) AwaitAvailable(ctx context.Context, deployment string) error {
	lw := ByName(deployment, n.Kube.AppsV1().Deployments(n.Name))
	available := func(e watch.Event) (bool, error) {
		d, ok := e.Object.(*appsv1.Deployment)
		return ok && d.Status.AvailableReplicas == *d.Spec.Replicas, nil
	}
	if _, err := watchtools.UntilWithSync(ctx, lw, &appsv1.Deployment{}, nil, available); err != nil {
		return fmt.Errorf("waiting for Deployment %s/%s to be available: %w", n.Name, deployment, err)
	}
	return nil
}

// VictimDeployment returns a Deployment with one pod, which mounts the claim and waits.
func VictimDeployment(image string) *appsv1.Deployment {
	labels := map[string]string{"app": Victim}
	return &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: Victim, Labels: labels}, Spec: appsv1.DeploymentSpec{
		Selector: &metav1.LabelSelector{MatchLabels: labels},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{
			TerminationGracePeriodSeconds: ptr.To[int64](1),
			Containers: []corev1.Container{{
				Name: "sleep", Image: image, ImagePullPolicy: corev1.PullNever, Command: []string{"sleep", "100000"},
				VolumeMounts: []corev1.VolumeMount{{Name: "data", MountPath: "/data"}},
			}},
			Volumes: []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{
				PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: Victim},
			}}},
		}},
	}}
}

// allowFaults grants a service account the permissions that Litmus's hub grants, and the permission to run commands in
// the pods of probes.
func (n *Namespace) allowFaults(ctx context.Context) error {
	meta := metav1.ObjectMeta{Name: FaultsUser}
	all := []string{"create", "delete", "get", "list", "patch", "update", "watch"}
	role := &rbacv1.Role{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"pods", "pods/log", "events"}, Verbs: all},
		{APIGroups: []string{""}, Resources: []string{"pods/exec"}, Verbs: []string{"create"}},
		{
			APIGroups: []string{"apps"}, Resources: []string{"deployments", "replicasets"},
			Verbs: []string{"get", "list", "update"},
		},
		{APIGroups: []string{"batch"}, Resources: []string{"jobs"}, Verbs: all},
		{
			APIGroups: []string{"litmuschaos.io"},
			Resources: []string{"chaosengines", "chaosexperiments", "chaosresults"}, Verbs: all,
		},
	}}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: FaultsUser},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: FaultsUser, Namespace: n.Name}},
	}
	account := &corev1.ServiceAccount{ObjectMeta: meta}
	_, errAccount := n.Kube.CoreV1().ServiceAccounts(n.Name).Create(ctx, account, metav1.CreateOptions{})
	_, errRole := n.Kube.RbacV1().Roles(n.Name).Create(ctx, role, metav1.CreateOptions{})
	_, errBinding := n.Kube.RbacV1().RoleBindings(n.Name).Create(ctx, binding, metav1.CreateOptions{})
	return errors.Join(errAccount, errRole, errBinding)
}

// ProbeRecipe returns the probes of docs/probes.md with an image, for the victim's claim.
func ProbeRecipe(document, image string) ([]chaosv1alpha1.ProbeAttributes, error) {
	content, err := os.ReadFile(document)
	if err != nil {
		return nil, err
	}
	_, rest, begins := strings.Cut(string(content), "<!-- recipe -->\n```yaml\n")
	text, _, ends := strings.Cut(rest, "```\n<!-- /recipe -->")
	if !begins || !ends {
		return nil, fmt.Errorf("%s has no YAML between <!-- recipe --> and <!-- /recipe -->", document)
	}
	text = strings.NewReplacer("volume-durability/volume-durability:latest", image, "YOUR-CLAIM", Victim).Replace(text)
	var attributes chaosv1alpha1.ExperimentAttributes
	if err := yaml.UnmarshalStrict([]byte(text), &attributes); err != nil {
		return nil, fmt.Errorf("reading the probes of %s: %w", document, err)
	}
	return attributes.Probe, nil
}
