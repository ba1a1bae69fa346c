package preflight

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/volume-durability/volume-durability/pkg/advice"
)

// uidRange is the annotation of a namespace with the users that OpenShift's restricted SecurityContextConstraints allow
// (docs.redhat.com, "Managing security context constraints"): the first one, a slash, and how many.
const uidRange = "openshift.io/sa.scc.uid-range"

// checkNamespace checks whether the namespace exists, and what it allows pods to do.
func checkNamespace(ctx context.Context, client kubernetes.Interface, name string, pod *corev1.Pod) []Check {
	const check = "namespace"
	namespace, err := client.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		message := name + " does not exist" + advice.Sentence("kubectl create namespace "+name)
		return []Check{{check, Failed, message}}
	case err != nil:
		return []Check{{check, Warning, fmt.Sprintf("not checked: %v", err)}}
	}
	message := name
	if level := namespace.Labels["pod-security.kubernetes.io/enforce"]; level != "" {
		message += ", Pod Security " + level
	}
	checks := []Check{{check, Passed, message}}
	if users := namespace.Annotations[uidRange]; users != "" && pod != nil {
		checks = append(checks, checkUser(users, pod))
	}
	return checks
}

// checkUser checks whether the user of a pod is one of those that OpenShift assigns to the namespace.
func checkUser(users string, pod *corev1.Pod) Check {
	const check = "SecurityContextConstraints"
	security := pod.Spec.SecurityContext
	if security == nil || security.RunAsUser == nil {
		return Check{check, Passed, "OpenShift sets the user: one of " + users}
	}
	if user := *security.RunAsUser; !inRange(user, users) {
		return Check{check, Warning, fmt.Sprintf("the pods run as user %d, but restricted-v2 allows only the users %s%s",
			user, users, advice.Sentence("set RUN_AS_USER, RUN_AS_GROUP and FS_GROUP to none, so that OpenShift sets them"))}
	}
	return Check{check, Passed, "the user of the pods is one of " + users}
}

// inRange reports whether a user is in a range of OpenShift, such as 1000680000/10000. A range that cannot be parsed
// has all users: the API server decides.
func inRange(user int64, users string) bool {
	first, count, _ := strings.Cut(users, "/")
	from, err := strconv.ParseInt(first, 10, 64)
	n, countErr := strconv.ParseInt(count, 10, 64)
	return err != nil || countErr != nil || user >= from && user < from+n
}
