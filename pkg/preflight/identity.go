package preflight

import (
	"context"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// checkIdentity looks up which user the API server takes the user for. Roles must be bound to that name, or to one of
// the groups.
func checkIdentity(ctx context.Context, client kubernetes.Interface) Check {
	const check = "identity"
	review, err := client.AuthenticationV1().SelfSubjectReviews().
		Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil {
		return Check{check, Warning, "not checked: " + err.Error()}
	}
	user := review.Status.UserInfo
	if user.Username == "" {
		return Check{check, Warning, "the API server returned no user"}
	}
	message := "user " + user.Username
	if len(user.Groups) > 0 {
		message += ", groups " + strings.Join(user.Groups, ", ")
	}
	return Check{check, Passed, message}
}
