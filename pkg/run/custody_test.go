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

	"github.com/volume-durability/volume-durability/pkg/custody"
	"github.com/volume-durability/volume-durability/pkg/evidence"
	"github.com/volume-durability/volume-durability/pkg/witness"
	"github.com/volume-durability/volume-durability/pkg/workload"
)

func TestWhetherAVolumeWasAttachedAnew(t *testing.T) {
	at := func(seconds int) time.Time { return time.Unix(int64(seconds), 0) }
	attached := func(name, node string, from, to int) workload.Attachment {
		a := workload.Attachment{Name: name, Node: node, Attached: at(from)}
		if to > 0 {
			a.Gone = at(to)
		}
		return a
	}
	missed := func(a workload.Attachment) workload.Attachment {
		a.Missed = true
		return a
	}
	for name, c := range map[string]struct {
		all            []workload.Attachment
		writer, reader string
		want           custody.Answer
	}{
		"never attached":                   {nil, "n1", "n2", custody.No},
		"it moved":                         {[]workload.Attachment{attached("a", "n1", 1, 5), attached("b", "n2", 6, 0)}, "n1", "n2", custody.Yes},
		"it left and came back":            {[]workload.Attachment{attached("a", "n1", 1, 5), attached("b", "n1", 6, 0)}, "n1", "n1", custody.Yes},
		"it stayed":                        {[]workload.Attachment{attached("a", "n1", 1, 0)}, "n1", "n1", custody.No},
		"it is on both":                    {[]workload.Attachment{attached("a", "n1", 1, 0), attached("b", "n2", 6, 0)}, "n1", "n2", custody.No},
		"it was on both for a while":       {[]workload.Attachment{attached("a", "n1", 1, 9), attached("b", "n2", 6, 0)}, "n1", "n2", custody.No},
		"it moved there and back":          {[]workload.Attachment{attached("a", "n1", 1, 3), attached("b", "n2", 4, 6), attached("c", "n1", 7, 0)}, "n2", "n1", custody.Yes},
		"the reader's was not seen":        {[]workload.Attachment{attached("a", "n1", 1, 5)}, "n1", "n2", custody.Unknown},
		"the writer's was not seen":        {[]workload.Attachment{attached("b", "n2", 6, 0)}, "n1", "n2", custody.Unknown},
		"it was not seen to leave":         {[]workload.Attachment{missed(attached("a", "n1", 1, 5)), attached("b", "n2", 6, 0)}, "n1", "n2", custody.Unknown},
		"there is one of a name at a time": {[]workload.Attachment{missed(attached("a", "n1", 1, 5)), attached("a", "n1", 6, 0)}, "n1", "n1", custody.Yes},
		"an earlier epoch's is none of it": {[]workload.Attachment{attached("z", "n1", 1, 2), attached("a", "n1", 3, 0)}, "n1", "n1", custody.No},
	} {
		t.Run(name, func(t *testing.T) {
			fact := anew(c.all, c.writer, at(5), c.reader)
			assert.Equal(t, c.want, fact.Answer, fact.How)
			assert.NotEmpty(t, fact.How)
		})
	}
}

func TestWhetherAVolumeWasUnmounted(t *testing.T) {
	ext4 := func(device string) witness.Mount { return witness.Mount{FSType: "ext4", Device: device} }
	block := func(sequence uint64) witness.Mount {
		return witness.Mount{FSType: witness.BlockDevice, Device: "7:1", Sequence: sequence}
	}
	for name, c := range map[string]struct {
		before, now custody.Place
		anew        custody.Answer
		want        custody.Answer
	}{
		"detached":                    {custody.Place{Boot: "a", Mount: ext4("7:1")}, custody.Place{Boot: "a", Mount: ext4("7:1")}, custody.Yes, custody.Yes},
		"another device number":       {custody.Place{Boot: "a", Mount: ext4("7:1")}, custody.Place{Boot: "a", Mount: ext4("7:2")}, custody.No, custody.Yes},
		"the same device number":      {custody.Place{Boot: "a", Mount: ext4("7:1")}, custody.Place{Boot: "a", Mount: ext4("7:1")}, custody.No, custody.Unknown},
		"another kernel":              {custody.Place{Boot: "a", Mount: ext4("7:1")}, custody.Place{Boot: "b", Mount: ext4("7:2")}, custody.No, custody.Unknown},
		"kernels that are not known":  {custody.Place{Mount: ext4("7:1")}, custody.Place{Mount: ext4("7:2")}, custody.No, custody.Unknown},
		"another device, same number": {custody.Place{Boot: "a", Mount: block(4)}, custody.Place{Boot: "a", Mount: block(5)}, custody.No, custody.Yes},
		"a number that is not known":  {custody.Place{Boot: "a", Mount: block(0)}, custody.Place{Boot: "a", Mount: block(5)}, custody.No, custody.Unknown},
		"the same device":             {custody.Place{Boot: "a", Mount: block(4)}, custody.Place{Boot: "a", Mount: block(4)}, custody.No, custody.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			fact := unmounted(custody.Custody{Writer: c.before, Reader: &c.now, AttachedAnew: custody.Fact{Answer: c.anew}})
			assert.Equal(t, c.want, fact.Answer, fact.How)
		})
	}
}

func TestWhetherItWasTheSameVolume(t *testing.T) {
	ext4 := func(uuid, point string) mounted {
		return mounted{"a pod", witness.Mount{FSType: "ext4", Point: point, UUID: uuid}}
	}
	for name, c := range map[string]struct {
		mounts []mounted
		want   custody.Answer
	}{
		"the same":               {[]mounted{ext4("u", "/data"), ext4("u", "/data")}, custody.Yes},
		"without an identity":    {[]mounted{ext4("", "/data"), ext4("", "/data")}, custody.Yes},
		"another filesystem":     {[]mounted{ext4("u", "/data"), ext4("v", "/data")}, custody.No},
		"another kind":           {[]mounted{ext4("u", "/data"), {"a pod", witness.Mount{FSType: "overlay", Point: "/data"}}}, custody.No},
		"no mount at the path":   {[]mounted{ext4("u", "/data"), ext4("u", "/")}, custody.No},
		"one that was not heard": {[]mounted{ext4("u", "/data"), {who: "a pod"}}, custody.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			fact := sameMount(c.mounts, "/data", "pv")
			assert.Equal(t, c.want, fact.Answer, fact.How)
		})
	}
}

// A writer that came back to a volume that had stayed attached was attached by nothing.
func TestAnAttachmentIsOfThePodThatWaitedForIt(t *testing.T) {
	volume := "pv"
	ns := workload.Namespace{Name: "stig", Timeout: time.Minute, Log: logrus.New(), Client: fake.NewClientset(&storagev1.VolumeAttachment{
		ObjectMeta: metav1.ObjectMeta{Name: "a", UID: "a"},
		Spec:       storagev1.VolumeAttachmentSpec{NodeName: "n1", Source: storagev1.VolumeAttachmentSource{PersistentVolumeName: &volume}},
		Status:     storagev1.VolumeAttachmentStatus{Attached: true},
	})}
	ns, stop, err := ns.Observed(t.Context())
	require.NoError(t, err)
	t.Cleanup(stop)
	require.Eventually(t, func() bool { all, _ := ns.Attachments(volume); return len(all) == 1 }, time.Minute, time.Millisecond)
	c := someCell(t)
	c.Namespace, c.Claim = ns, &evidence.Claim{Name: "stig-pvc", Volume: volume}
	now := time.Now()
	before := evidence.Pod{Node: "n1", Created: now.Add(-time.Hour), Started: now.Add(-59 * time.Minute)}
	c.attach(&before)
	assert.Zero(t, before.Attached, "it ran long before")
	its := evidence.Pod{Node: "n1", Created: now.Add(-time.Hour), Started: now.Add(time.Hour)}
	c.attach(&its)
	assert.False(t, its.Attached.IsZero())
}
