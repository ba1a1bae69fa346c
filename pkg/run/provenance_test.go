package run

import (
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/provenance"
	"github.com/volume-durability/volume-durability/pkg/result"
)

func TestWhetherAVolumeWasAttachedAnew(t *testing.T) {
	at := func(seconds int) time.Time { return time.Unix(int64(seconds), 0) }
	attached := func(name, node string, from, to int) kube.Attachment {
		a := kube.Attachment{Name: name, Node: node, Attached: at(from)}
		if to > 0 {
			a.Gone = at(to)
		}
		return a
	}
	missed := func(a kube.Attachment) kube.Attachment {
		a.DeletionMissed = true
		return a
	}
	for name, c := range map[string]struct {
		all            []kube.Attachment
		writer, reader string
		want           provenance.Answer
	}{
		"never attached":                   {nil, "n1", "n2", provenance.No},
		"it moved":                         {[]kube.Attachment{attached("a", "n1", 1, 5), attached("b", "n2", 6, 0)}, "n1", "n2", provenance.Yes},
		"it left and came back":            {[]kube.Attachment{attached("a", "n1", 1, 5), attached("b", "n1", 6, 0)}, "n1", "n1", provenance.Yes},
		"it stayed":                        {[]kube.Attachment{attached("a", "n1", 1, 0)}, "n1", "n1", provenance.No},
		"it is on both":                    {[]kube.Attachment{attached("a", "n1", 1, 0), attached("b", "n2", 6, 0)}, "n1", "n2", provenance.No},
		"it was on both for a while":       {[]kube.Attachment{attached("a", "n1", 1, 9), attached("b", "n2", 6, 0)}, "n1", "n2", provenance.No},
		"it moved there and back":          {[]kube.Attachment{attached("a", "n1", 1, 3), attached("b", "n2", 4, 6), attached("c", "n1", 7, 0)}, "n2", "n1", provenance.Yes},
		"the reader's was not seen":        {[]kube.Attachment{attached("a", "n1", 1, 5)}, "n1", "n2", provenance.Unknown},
		"the writer's was not seen":        {[]kube.Attachment{attached("b", "n2", 6, 0)}, "n1", "n2", provenance.Unknown},
		"it was not seen to leave":         {[]kube.Attachment{missed(attached("a", "n1", 1, 5)), attached("b", "n2", 6, 0)}, "n1", "n2", provenance.Unknown},
		"there is one of a name at a time": {[]kube.Attachment{missed(attached("a", "n1", 1, 5)), attached("a", "n1", 6, 0)}, "n1", "n1", provenance.Yes},
		"an earlier epoch's is none of it": {[]kube.Attachment{attached("z", "n1", 1, 2), attached("a", "n1", 3, 0)}, "n1", "n1", provenance.No},
	} {
		t.Run(name, func(t *testing.T) {
			fact := anew(c.all, c.writer, at(5), c.reader)
			assert.Equal(t, c.want, fact.Answer, fact.Reason)
			assert.NotEmpty(t, fact.Reason)
		})
	}
}

func TestWhetherAVolumeWasUnmounted(t *testing.T) {
	ext4 := func(device string) protocol.Mount { return protocol.Mount{FSType: "ext4", Device: device} }
	block := func(sequence uint64) protocol.Mount {
		return protocol.Mount{FSType: protocol.BlockDevice, Device: "7:1", Sequence: sequence}
	}
	for name, c := range map[string]struct {
		before, now provenance.Location
		anew        provenance.Answer
		want        provenance.Answer
	}{
		"detached":                    {provenance.Location{BootID: "a", Mount: ext4("7:1")}, provenance.Location{BootID: "a", Mount: ext4("7:1")}, provenance.Yes, provenance.Yes},
		"another device number":       {provenance.Location{BootID: "a", Mount: ext4("7:1")}, provenance.Location{BootID: "a", Mount: ext4("7:2")}, provenance.No, provenance.Yes},
		"the same device number":      {provenance.Location{BootID: "a", Mount: ext4("7:1")}, provenance.Location{BootID: "a", Mount: ext4("7:1")}, provenance.No, provenance.Unknown},
		"another kernel":              {provenance.Location{BootID: "a", Mount: ext4("7:1")}, provenance.Location{BootID: "b", Mount: ext4("7:2")}, provenance.No, provenance.Unknown},
		"kernels that are not known":  {provenance.Location{Mount: ext4("7:1")}, provenance.Location{Mount: ext4("7:2")}, provenance.No, provenance.Unknown},
		"another device, same number": {provenance.Location{BootID: "a", Mount: block(4)}, provenance.Location{BootID: "a", Mount: block(5)}, provenance.No, provenance.Yes},
		"a number that is not known":  {provenance.Location{BootID: "a", Mount: block(0)}, provenance.Location{BootID: "a", Mount: block(5)}, provenance.No, provenance.Unknown},
		"the same device":             {provenance.Location{BootID: "a", Mount: block(4)}, provenance.Location{BootID: "a", Mount: block(4)}, provenance.No, provenance.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			fact := unmounted(provenance.History{Writer: c.before, Reader: &c.now, Reattached: provenance.Observation{Answer: c.anew}})
			assert.Equal(t, c.want, fact.Answer, fact.Reason)
		})
	}
}

func TestWhetherItWasTheSameVolume(t *testing.T) {
	ext4 := func(uuid, point string) mounted {
		return mounted{"a pod", protocol.Mount{FSType: "ext4", Point: point, UUID: uuid}}
	}
	for name, c := range map[string]struct {
		mounts []mounted
		want   provenance.Answer
	}{
		"the same":               {[]mounted{ext4("u", "/data"), ext4("u", "/data")}, provenance.Yes},
		"without an identity":    {[]mounted{ext4("", "/data"), ext4("", "/data")}, provenance.Yes},
		"another filesystem":     {[]mounted{ext4("u", "/data"), ext4("v", "/data")}, provenance.No},
		"another kind":           {[]mounted{ext4("u", "/data"), {"a pod", protocol.Mount{FSType: "overlay", Point: "/data"}}}, provenance.No},
		"no mount at the path":   {[]mounted{ext4("u", "/data"), ext4("u", "/")}, provenance.No},
		"one that was not heard": {[]mounted{ext4("u", "/data"), {who: "a pod"}}, provenance.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			fact := sameMount(c.mounts, "/data", "pv")
			assert.Equal(t, c.want, fact.Answer, fact.Reason)
		})
	}
}

// A writer that came back to a volume that had stayed attached was attached by nothing.
func TestAnAttachmentIsOfThePodThatWaitedForIt(t *testing.T) {
	volume := "pv"
	ns := kube.Client{Namespace: "stig", Timeout: time.Minute, Log: logrus.New(), API: fake.NewClientset(&storagev1.VolumeAttachment{
		ObjectMeta: metav1.ObjectMeta{Name: "a", UID: "a"},
		Spec:       storagev1.VolumeAttachmentSpec{NodeName: "n1", Source: storagev1.VolumeAttachmentSource{PersistentVolumeName: &volume}},
		Status:     storagev1.VolumeAttachmentStatus{Attached: true},
	})}
	ns, stop, err := ns.WithObserver(t.Context())
	require.NoError(t, err)
	t.Cleanup(stop)
	require.Eventually(t, func() bool { all, _ := ns.Attachments(volume); return len(all) == 1 }, time.Minute, time.Millisecond)
	c := someCell(t)
	c.Kube, c.Claim = ns, &result.Claim{Name: "stig-pvc", Volume: volume}
	now := time.Now()
	before := result.Pod{Node: "n1", Created: now.Add(-time.Hour), Started: now.Add(-59 * time.Minute)}
	c.attach(&before)
	assert.Zero(t, before.Attached, "it ran long before")
	its := result.Pod{Node: "n1", Created: now.Add(-time.Hour), Started: now.Add(time.Hour)}
	c.attach(&its)
	assert.False(t, its.Attached.IsZero())
}
