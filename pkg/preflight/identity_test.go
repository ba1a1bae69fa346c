package preflight

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	authenticationv1 "k8s.io/api/authentication/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

// answersIdentity makes the API server see the user jane.
func answersIdentity(api *fake.Clientset) {
	api.PrependReactor("create", "selfsubjectreviews", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, &authenticationv1.SelfSubjectReview{Status: authenticationv1.SelfSubjectReviewStatus{
			UserInfo: authenticationv1.UserInfo{Username: "jane", Groups: []string{"dev"}},
		}}, nil
	})
}

func TestCheckIdentity_ShowsUserAndGroups(t *testing.T) {
	user := authenticationv1.UserInfo{Username: "jane", Groups: []string{"dev", "system:authenticated"}}
	var failure error
	api := fake.NewClientset()
	api.PrependReactor("create", "selfsubjectreviews", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, &authenticationv1.SelfSubjectReview{
			Status: authenticationv1.SelfSubjectReviewStatus{UserInfo: user},
		}, failure
	})
	want := Check{"identity", Passed, "user jane, groups dev, system:authenticated"}
	assert.Equal(t, want, checkIdentity(t.Context(), api))
	user = authenticationv1.UserInfo{}
	assert.Equal(t, Warning, checkIdentity(t.Context(), api).Status)
	failure = errors.New("no role")
	assert.Equal(t, Check{"identity", Warning, "not checked: no role"},
		checkIdentity(t.Context(), api))
}
