package run

import (
	"errors"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	kubetesting "k8s.io/client-go/testing"

	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/provenance"
	"github.com/volume-durability/volume-durability/pkg/result"
)

func TestCompareAttachments(t *testing.T) {
	const yes, no, unknown = provenance.Yes, provenance.No, provenance.Unknown
	at := func(seconds int) time.Time { return time.Unix(int64(seconds), 0) }
	list := func(all ...kube.Attachment) []kube.Attachment { return all }
	attached := func(name, node string, from, to int) kube.Attachment {
		a := kube.Attachment{Name: name, Node: node, AttachedAt: at(from)}
		if to > 0 {
			a.DeletedAt = at(to)
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
		"never attached":             {nil, "n1", "n2", no},
		"it moved":                   {list(attached("a", "n1", 1, 5), attached("b", "n2", 6, 0)), "n1", "n2", yes},
		"it returned to the node":    {list(attached("a", "n1", 1, 5), attached("b", "n1", 6, 0)), "n1", "n1", yes},
		"it stayed":                  {list(attached("a", "n1", 1, 0)), "n1", "n1", no},
		"it is on both":              {list(attached("a", "n1", 1, 0), attached("b", "n2", 6, 0)), "n1", "n2", no},
		"it was on both for a while": {list(attached("a", "n1", 1, 9), attached("b", "n2", 6, 0)), "n1", "n2", no},
		"it moved there and back": {
			list(attached("a", "n1", 1, 3), attached("b", "n2", 4, 6), attached("c", "n1", 7, 0)), "n2", "n1", yes,
		},
		"the reader's is not known": {list(attached("a", "n1", 1, 5)), "n1", "n2", unknown},
		"the writer's is not known": {list(attached("b", "n2", 6, 0)), "n1", "n2", unknown},
		"unknown end": {
			list(missed(attached("a", "n1", 1, 5)), attached("b", "n2", 6, 0)), "n1", "n2", unknown,
		},
		"unknown end, same name": {
			list(missed(attached("a", "n1", 1, 5)), attached("a", "n1", 6, 0)), "n1", "n1", yes,
		},
		"an earlier epoch's is ignored": {list(attached("z", "n1", 1, 2), attached("a", "n1", 3, 0)), "n1", "n1", no},
	} {
		t.Run(name, func(t *testing.T) {
			observation := compareAttachments(c.all, c.writer, at(5), c.reader)
			assert.Equal(t, c.want, observation.Answer, observation.Reason)
			assert.NotEmpty(t, observation.Reason)
		})
	}
}

func TestCompareAttachments_ReportsTheUIDs(t *testing.T) {
	at := func(seconds int) time.Time { return time.Unix(int64(seconds), 0).UTC() }
	first := kube.Attachment{Name: "csi-1", UID: "uid-1", Node: "n1", AttachedAt: at(1), DeletedAt: at(6)}
	second := kube.Attachment{Name: "csi-1", UID: "uid-2", Node: "n1", AttachedAt: at(7)}
	assert.Equal(t, "VolumeAttachment csi-1 (UID uid-1, node n1) was deleted at 00:00:06.000Z; "+
		"VolumeAttachment csi-1 (UID uid-2, node n1) was created at 00:00:07.000Z",
		compareAttachments([]kube.Attachment{first, second}, "n1", at(5), "n1").Reason)
	assert.Equal(t, "the volume stayed attached: VolumeAttachment csi-1 (UID uid-2, node n1)",
		compareAttachments([]kube.Attachment{second}, "n1", at(8), "n1").Reason)
}

func TestDetachTime_IsThatOfTheLastWriter(t *testing.T) {
	at := func(seconds int) time.Time { return time.Unix(int64(seconds), 0) }
	attached := func(node string, from int, to time.Time) kube.Attachment {
		return kube.Attachment{Node: node, AttachedAt: at(from), DeletedAt: to}
	}
	for name, c := range map[string]struct {
		all  []kube.Attachment
		want time.Duration
	}{
		"none":                  {nil, 0},
		"it is still attached":  {[]kube.Attachment{attached("n1", 1, time.Time{})}, 0},
		"of the writer's node":  {[]kube.Attachment{attached("n1", 1, at(9)), attached("n2", 10, at(20))}, 4 * time.Second},
		"of an earlier writer":  {[]kube.Attachment{attached("n1", 1, at(4))}, 0},
		"of a later attachment": {[]kube.Attachment{attached("n1", 6, at(9))}, 0},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, c.want, detachTime(c.all, "n1", at(5))) })
	}
}

func TestDetachTime_EndsWithTheReaderIfAttachmentsCannotBeRead(t *testing.T) {
	api := fake.NewClientset()
	api.PrependReactor("list", "volumeattachments", func(kubetesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(storagev1.Resource("volumeattachments"), "", errors.New("no role"))
	})
	client := kube.Client{API: api, Namespace: "stig", Timeout: time.Minute, Log: logrus.New()}
	client, stop, err := client.WithObserver(t.Context())
	require.NoError(t, err)
	t.Cleanup(stop)
	c := newTestCell(t)
	deleted := time.Unix(0, 0)
	c.run.Kube, c.result.Claim = client, &result.Claim{Name: "stig-pvc", Volume: "pv"}
	c.result.Reader = &result.JournalRead{ReceivedAt: deleted.Add(time.Hour)}
	assert.Equal(t, time.Hour, c.provenance().detachTime(result.Epoch{DeletionRequestedAt: deleted}))
	assert.Zero(t, c.provenance().detachTime(result.Epoch{}), "its deletion was not requested")
}

func TestUnmounted(t *testing.T) {
	const yes, no, unknown = provenance.Yes, provenance.No, provenance.Unknown
	at := func(bootID string, m protocol.Mount) provenance.Location {
		return provenance.Location{BootID: bootID, Mount: m}
	}
	ext4 := func(device string) protocol.Mount { return protocol.Mount{FSType: "ext4", Device: device} }
	block := func(sequence uint64) protocol.Mount {
		return protocol.Mount{FSType: protocol.BlockDevice, Device: "7:1", DiskSequence: sequence}
	}
	for name, c := range map[string]struct {
		before, now provenance.Location
		reattached  provenance.Answer
		detachedIn  time.Duration
		want        provenance.Answer
	}{
		"detached":                     {at("a", ext4("7:1")), at("a", ext4("7:1")), yes, 0, yes},
		"detached before the timeout":  {at("a", ext4("7:1")), at("b", ext4("7:1")), yes, 6*time.Minute - 1, yes},
		"perhaps detached by force":    {at("a", ext4("7:1")), at("b", ext4("7:1")), yes, 6 * time.Minute, unknown},
		"by force, another device":     {at("a", ext4("7:1")), at("a", ext4("7:2")), yes, time.Hour, unknown},
		"by force, on both for a time": {at("a", block(4)), at("a", block(5)), no, time.Hour, unknown},
		"another device number":        {at("a", ext4("7:1")), at("a", ext4("7:2")), no, 0, yes},
		"the same device number":       {at("a", ext4("7:1")), at("a", ext4("7:1")), no, 0, unknown},
		"another kernel":               {at("a", ext4("7:1")), at("b", ext4("7:2")), no, 0, unknown},
		"unknown kernels":              {at("", ext4("7:1")), at("", ext4("7:2")), no, 0, unknown},
		"another device, same number":  {at("a", block(4)), at("a", block(5)), no, 0, yes},
		"an unknown sequence number":   {at("a", block(0)), at("a", block(5)), no, 0, unknown},
		"the same device":              {at("a", block(4)), at("a", block(4)), no, 0, unknown},
	} {
		t.Run(name, func(t *testing.T) {
			observation := unmounted(provenance.Provenance{
				Writer: c.before, Reader: &c.now, Reattached: provenance.Observation{Answer: c.reattached},
			}, c.detachedIn)
			assert.Equal(t, c.want, observation.Answer, observation.Reason)
			if c.detachedIn >= kube.ForcedDetachAfter {
				assert.Contains(t, observation.Reason, "by force")
			}
		})
	}
}

func TestFindUnused(t *testing.T) {
	const yes, no, unknown = provenance.Yes, provenance.No, provenance.Unknown
	at := func(seconds int) time.Time { return time.Unix(int64(seconds), 0) }
	period := func(seen, ended int) kube.UnusedPeriod {
		p := kube.UnusedPeriod{Since: at(seen), Seen: at(seen)}
		if ended > 0 {
			p.Ended = at(ended)
		}
		return p
	}
	// The writer is deleted at 10, the reader is requested at 20, starts at 22, and ends at 30.
	for name, c := range map[string]struct {
		periods []kube.UnusedPeriod
		want    provenance.Answer
		reason  string
	}{
		"never":                         {nil, unknown, "sets it with a delay"},
		"until the reader":              {[]kube.UnusedPeriod{period(11, 21)}, yes, "became true at 00:00:11Z"},
		"observed late":                 {[]kube.UnusedPeriod{period(21, 21)}, yes, ""},
		"the end is not yet observed":   {[]kube.UnusedPeriod{period(11, 0)}, yes, ""},
		"the writer had ended by then":  {[]kube.UnusedPeriod{period(9, 21)}, yes, ""},
		"before the writer":             {[]kube.UnusedPeriod{period(1, 2)}, unknown, ""},
		"after the reader":              {[]kube.UnusedPeriod{period(30, 0)}, unknown, ""},
		"another pod, then the reader":  {[]kube.UnusedPeriod{period(11, 13), period(15, 21)}, no, "00:00:13.000Z"},
		"another pod beside the reader": {[]kube.UnusedPeriod{period(11, 13)}, no, "another pod"},
	} {
		t.Run(name, func(t *testing.T) {
			observation := findUnused(c.periods, at(10), at(20), at(22))
			assert.Equal(t, c.want, observation.Answer, observation.Reason)
			assert.Contains(t, observation.Reason, c.reason)
		})
	}
}

func TestCompareMounts(t *testing.T) {
	ext4 := func(uuid, point string) podMount {
		return podMount{"a pod", protocol.Mount{FSType: "ext4", Point: point, UUID: uuid}}
	}
	overlay := podMount{"a pod", protocol.Mount{FSType: "overlay", Point: "/data"}}
	for name, c := range map[string]struct {
		mounts []podMount
		want   provenance.Answer
	}{
		"the same":             {[]podMount{ext4("u", "/data"), ext4("u", "/data")}, provenance.Yes},
		"without an identity":  {[]podMount{ext4("", "/data"), ext4("", "/data")}, provenance.Yes},
		"another filesystem":   {[]podMount{ext4("u", "/data"), ext4("v", "/data")}, provenance.No},
		"another kind":         {[]podMount{ext4("u", "/data"), overlay}, provenance.No},
		"no mount at the path": {[]podMount{ext4("u", "/data"), ext4("u", "/")}, provenance.No},
		"no scan result":       {[]podMount{ext4("u", "/data"), {pod: "a pod"}}, provenance.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			observation := compareMounts(c.mounts, "/data", "pv")
			assert.Equal(t, c.want, observation.Answer, observation.Reason)
		})
	}
}

func TestRestarted_ComparesTheReaderWithItsNode(t *testing.T) {
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1"}}
	node.Status.NodeInfo.BootID = "b"
	api := fake.NewClientset(node)
	cell := &result.Cell{Provenance: provenance.Provenance{
		Writer: provenance.Location{Node: "n1", BootID: "a"}, Reader: &provenance.Location{Node: "n1", BootID: "b"},
	}}
	r := provenanceRecorder{
		kube: kube.Client{API: api, Namespace: "stig", Timeout: time.Minute, Log: logrus.New()}, cell: cell,
	}
	assert.Equal(t, provenance.Yes, r.restarted(t.Context()).Answer)

	api.PrependReactor("list", "nodes", func(kubetesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(corev1.Resource("nodes"), "", errors.New("no permission"))
	})
	forbidden := r.restarted(t.Context())
	assert.Equal(t, provenance.Unknown, forbidden.Answer)
	assert.Contains(t, forbidden.Reason, "rbac-optional.yaml")
	cell.Provenance.Reader.BootID = "a"
	assert.Nil(t, r.restarted(t.Context()))
}

func TestAddAttachTime_OnlyForThePodThatWaitedForTheAttachment(t *testing.T) {
	volume := "pv"
	api := fake.NewClientset(&storagev1.VolumeAttachment{
		ObjectMeta: metav1.ObjectMeta{Name: "a", UID: "a"},
		Spec: storagev1.VolumeAttachmentSpec{
			NodeName: "n1", Source: storagev1.VolumeAttachmentSource{PersistentVolumeName: &volume},
		},
		Status: storagev1.VolumeAttachmentStatus{Attached: true},
	})
	client := kube.Client{API: api, Namespace: "stig", Timeout: time.Minute, Log: logrus.New()}
	client, stop, err := client.WithObserver(t.Context())
	require.NoError(t, err)
	t.Cleanup(stop)
	isObserved := func() bool {
		all, _ := client.Attachments(volume)
		return len(all) == 1
	}
	require.Eventually(t, isObserved, time.Minute, time.Millisecond)
	c := newTestCell(t)
	c.run.Kube, c.result.Claim = client, &result.Claim{Name: "stig-pvc", Volume: volume}
	now := time.Now()
	before := result.Pod{Node: "n1", CreatedAt: now.Add(-time.Hour), StartedAt: now.Add(-59 * time.Minute)}
	c.provenance().addAttachTime(&before)
	assert.Zero(t, before.AttachedAt, "it ran long before")
	its := result.Pod{Node: "n1", CreatedAt: now.Add(-time.Hour), StartedAt: now.Add(time.Hour)}
	c.provenance().addAttachTime(&its)
	assert.False(t, its.AttachedAt.IsZero())
}
