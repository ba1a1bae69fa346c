package kube

import (
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"
)

func TestEventHandlers_ReportMissedDeletion(t *testing.T) {
	of := func(uid types.UID, node string, attached bool) *storagev1.VolumeAttachment {
		volume := "pv"
		return &storagev1.VolumeAttachment{
			ObjectMeta: metav1.ObjectMeta{Name: "a", UID: uid},
			Spec: storagev1.VolumeAttachmentSpec{
				NodeName: node,
				Source:   storagev1.VolumeAttachmentSource{PersistentVolumeName: &volume},
			},
			Status: storagev1.VolumeAttachmentStatus{Attached: attached},
		}
	}
	for name, tc := range map[string]struct {
		happens func(cache.ResourceEventHandlerFuncs)
		missed  bool
	}{
		"observed": {func(h cache.ResourceEventHandlerFuncs) { h.OnDelete(of("1", "n1", true)) }, false},
		"found deleted after a gap": {func(h cache.ResourceEventHandlerFuncs) {
			h.OnDelete(cache.DeletedFinalStateUnknown{Obj: of("1", "n1", true)})
		}, true},
		"replaced by another with its name": {func(h cache.ResourceEventHandlerFuncs) {
			h.OnUpdate(of("1", "n1", true), of("2", "n1", true))
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			o := newObserver(logrus.New())
			h := eventHandlers(o, o.attachmentChanged, o.attachmentDeleted)
			h.OnAdd(of("1", "n1", true), true)
			tc.happens(h)
			all, _ := Client{observer: o}.Attachments("pv")
			assert.False(t, all[0].DeletedAt.IsZero(), "the deletion is known")
			assert.Equal(t, tc.missed, all[0].DeletionMissed)
		})
	}
}

// Watches fail while the API server is unavailable. client-go starts them again.
func TestInformer_LogsFailedWatch(t *testing.T) {
	c := newTestClient(t)
	log, entries := logtest.NewNullLogger()
	c.Log = log
	client := c.API.(*fake.Clientset)
	unavailable, restored := true, make(chan struct{})
	client.PrependWatchReactor("pods", func(clienttesting.Action) (bool, watch.Interface, error) {
		if unavailable {
			unavailable = false
			return true, nil, syscall.ECONNREFUSED
		}
		close(restored)
		return true, watch.NewFake(), nil
	})
	began := time.Now()
	observed, stop, err := c.WithObserver(t.Context())
	require.NoError(t, err)
	<-restored
	stop()
	ended := time.Now()
	assert.Equal(t, "The API server did not answer; retrying: watching pods", entries.LastEntry().Message)
	assert.Positive(t, observed.UnobservedTime(began, ended))
	assert.Zero(t, observed.UnobservedTime(ended, ended.Add(time.Hour)), "the gap had ended")
	assert.Zero(t, observed.UnobservedTime(began.Add(-time.Hour), began), "the gap had not begun")
}

// A gap lasts from the end of a watch to the start of the next one, whatever the reason: an API server that has just
// started forbids everything, for example.
func TestUnobservedTime_LastsUntilNextWatch(t *testing.T) {
	c := newTestClient(t)
	client := c.API.(*fake.Clientset)
	first, watches, restored := watch.NewFake(), 0, make(chan struct{})
	var rejected, watchedAgain time.Time
	client.PrependWatchReactor("pods", func(clienttesting.Action) (bool, watch.Interface, error) {
		switch watches++; watches {
		case 1:
			return true, first, nil
		case 2:
			rejected = time.Now()
			return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "",
				errors.New(`RBAC: role.rbac.authorization.k8s.io "x" not found`))
		}
		watchedAgain = time.Now()
		close(restored)
		return true, watch.NewFake(), nil
	})
	observed, stop, err := c.WithObserver(t.Context())
	require.NoError(t, err)
	// Add blocks until the informer has received the pod.
	first.Add(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "write-pod", UID: "u"}})
	ended := time.Now()
	first.Stop()
	<-restored
	stop()
	assert.Positive(t, observed.UnobservedTime(ended, rejected),
		"the first watch had ended before the second was requested")
	assert.Equal(t, watchedAgain.Sub(rejected), observed.UnobservedTime(rejected, watchedAgain), "the whole gap")
}

func TestInformer_DropsManagedFields(t *testing.T) {
	c := newTestClient(t)
	c.API = fake.NewClientset(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Name: "write-pod", Namespace: c.Namespace, UID: "u", Labels: c.Labels,
		ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "kubelet"}},
	}})
	observed, stop, err := c.WithObserver(t.Context())
	require.NoError(t, err)
	defer stop()
	o := observed.observer
	var pod *corev1.Pod
	require.NoError(t, o.waitUntil(t.Context(), func() (bool, error) {
		if known := o.pods["u"]; known != nil {
			pod = known.latest
		}
		return pod != nil, nil
	}, podNamed("write-pod")))
	assert.Empty(t, pod.ManagedFields)
}
