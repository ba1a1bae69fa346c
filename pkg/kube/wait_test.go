package kube

import (
	"testing"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// With many cells, most changes are about the objects of other cells.
func TestNotify_WakesOnlyWaitsAboutTheObject(t *testing.T) {
	volume := "pvc-1"
	aPod, aClaim, aVolume := podNamed("write-pod"), claimNamed("stig-pvc"), volumeNamed(volume)
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "write-pod", UID: "pod"}}
	ofPod, ofClaim := podEvent("FailedMount", ""), claimEvent("FailedBinding", "")
	attachment := &storagev1.VolumeAttachment{ObjectMeta: metav1.ObjectMeta{Name: "csi-1", UID: "attachment"}}
	attachment.Spec.Source.PersistentVolumeName = &volume
	for name, tc := range map[string]struct {
		change func(*observer)
		wakes  []subject
	}{
		"pod":                {func(o *observer) { o.podChanged(pod) }, []subject{aPod}},
		"deleted pod":        {func(o *observer) { o.podDeleted(pod, false) }, []subject{aPod}},
		"claim":              {func(o *observer) { o.claimChanged(boundClaim()) }, []subject{aClaim}},
		"deleted claim":      {func(o *observer) { o.claimDeleted(boundClaim(), false) }, []subject{aClaim}},
		"event of pod":       {func(o *observer) { o.eventChanged(&ofPod) }, []subject{aPod}},
		"event of claim":     {func(o *observer) { o.eventChanged(&ofClaim) }, []subject{aClaim}},
		"deleted event":      {func(o *observer) { o.eventDeleted(&ofPod, false) }, []subject{aPod}},
		"attachment":         {func(o *observer) { o.attachmentChanged(attachment) }, []subject{aClaim, aVolume}},
		"deleted attachment": {func(o *observer) { o.attachmentDeleted(attachment, false) }, []subject{aClaim, aVolume}},
	} {
		o := newObserver(logrus.New())
		o.claimChanged(boundClaim())
		o.attachmentChanged(attachment)
		waits := map[subject]wakeUp{}
		for _, s := range []subject{
			aPod, podNamed("stig-pvc"), aClaim, claimNamed("write-pod"), aVolume, volumeNamed("pvc-2"),
		} {
			waits[s] = o.subscribe([]subject{s})
		}
		tc.change(o)
		var woken []subject
		for s, changed := range waits {
			if len(changed) > 0 {
				woken = append(woken, s)
			}
		}
		assert.ElementsMatch(t, tc.wakes, woken, name)
	}
}

func TestUnsubscribe_LeavesNothing(t *testing.T) {
	o, subjects := newObserver(logrus.New()), []subject{podNamed("write-pod"), claimNamed("stig-pvc")}
	first, second := o.subscribe(subjects), o.subscribe(subjects)
	o.unsubscribe(first, subjects)
	o.podChanged(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "write-pod", UID: "pod"}})
	assert.Empty(t, first)
	assert.Len(t, second, 1)
	o.unsubscribe(second, subjects)
	assert.Empty(t, o.waits)
}
