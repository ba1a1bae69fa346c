package preflight

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/volume-durability/volume-durability/pkg/kube"
)

// nodeOf returns a ready node with an architecture and images.
func nodeOf(name, arch string, images ...string) corev1.Node {
	n := node(name)
	n.Labels[corev1.LabelArchStable] = arch
	for _, image := range images {
		n.Status.Images = append(n.Status.Images, corev1.ContainerImage{Names: []string{image}})
	}
	return n
}

func TestRun_OwnImageIsNotForEveryNode(t *testing.T) {
	objects := cluster()
	for _, n := range []corev1.Node{nodeOf("n1", "amd64"), nodeOf("n2", "s390x")} {
		objects = append(objects, n.DeepCopy())
	}
	by := checks(t, map[string]string{"READER_NODE": "n2"}, allowAll, objects...)
	assert.Equal(t, Failed, by["READER_NODE n2"].Status)
	const want = "n2: architecture s390x, but the image is for amd64 and arm64"
	assert.Contains(t, by["nodes"].Message, "1 of 2 can run the pods: n1; not possible on "+want)

	by = checks(t, nil, allowAll, append([]runtime.Object{}, objects[0], objects[1], objects[3])...)
	assert.Equal(t, Failed, by["nodes"].Status)
	assert.Contains(t, by["nodes"].Message, want)

	by = checks(t, map[string]string{"READER_NODE": "n2", "LIB_IMAGE": "mine:1"}, allowAll, objects...)
	assert.Equal(t, Passed, by["READER_NODE n2"].Status, "another image may be for s390x")
	assert.Equal(t, Warning, by["architectures"].Status)
}

func TestCheckArchitectures_NamesThoseThatAreNotKnown(t *testing.T) {
	pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: kube.ContainerName, Image: "mine:1"}}}}
	check := func(all ...corev1.Node) []Check { return examineNodes(all, pod).checkArchitectures(pod) }
	assert.Empty(t, check(nodeOf("n1", "amd64"), nodeOf("n2", "amd64")))
	unknown := check(nodeOf("n1", "amd64", "docker.io/library/mine:1"), nodeOf("n2", "arm64", "other:1"))
	require.Len(t, unknown, 1)
	assert.Equal(t, Warning, unknown[0].Status)
	assert.Contains(t, unknown[0].Message, "whether image mine:1 is for arm64 (n2). To fix this: if it is not, set "+
		"NODE_SELECTOR=kubernetes.io/arch")
	known := check(nodeOf("n1", "amd64", "mine:1"), nodeOf("n2", "arm64", "mine:1"))
	require.Len(t, known, 1)
	assert.Equal(t, Passed, known[0].Status)
}

func TestCheckImage_StatesWhatItDidNotCheck(t *testing.T) {
	pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: kube.ContainerName, Image: "mine:1"}}}}
	ready := func(n corev1.Node) corev1.Node {
		n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
		return n
	}
	with, without := ready(nodeOf("n1", "amd64", "docker.io/library/mine:1")), ready(nodeOf("n2", "amd64"))
	check := func(isDefault bool, all ...corev1.Node) Check {
		return examineNodes(all, pod).checkImage("mine:1", isDefault)
	}
	assert.Equal(t, Check{"image", Passed, "every node that can run the pods has mine:1"}, check(true, with))
	assert.Equal(t, Check{"image", Warning, "1 node has mine:1; not checked: whether the other nodes can pull it"},
		check(false, with, without))
	assert.Equal(t, Check{"image", Warning, "not checked: whether the nodes can pull mine:1"}, check(false, without))
	unpublished := check(true, without)
	assert.Equal(t, Warning, unpublished.Status)
	assert.Contains(t, unpublished.Message, "has not published it yet; not checked: whether the nodes can pull it. "+
		"To fix this: set LIB_IMAGE to an image of your own")
}

func TestReleasedArchitectures_AreThoseOfTheRelease(t *testing.T) {
	config, err := os.ReadFile("../../.goreleaser.yaml")
	require.NoError(t, err)
	lists := regexp.MustCompile(`goarch: \[(.*)\]`).FindAllStringSubmatch(string(config), -1)
	require.NotEmpty(t, lists)
	for _, list := range lists {
		assert.Equal(t, strings.Join(releasedArchitectures, ", "), list[1])
	}
}
