// Package scheduling reads what schedulers and autoscalers report about a pod that is not on a node yet. It answers
// whether the pod can be scheduled at all, and which reason decides. It is pure.
package scheduling

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Kind is what a reason of a scheduler is about. The order of the constants matters: of two reasons with the same rank
// (see rank) and number of nodes, Deciding returns the one that is first here.
type Kind int

const (
	// Unknown is a reason that this package does not know.
	Unknown Kind = iota
	// ClaimGone is a claim that is being deleted, or whose PersistentVolume no longer exists.
	ClaimGone
	// Unbound is a claim that waits for its provisioner.
	Unbound
	// Driver is a CSI driver that is not installed on the node.
	Driver
	// InUse is a claim with ReadWriteOncePod, or a disk, that another pod uses.
	InUse
	// NoSpace is a claim for which there is no volume, or no space for one, on the node.
	NoSpace
	// VolumeLimit is a node that has as many volumes as it can attach.
	VolumeLimit
	// Resources is a node without enough CPU, memory, pods or ports.
	Resources
	// Cordoned is a node that accepts no new pods.
	Cordoned
	// TemporaryTaint is a taint that may disappear by itself, or whose name is not reported.
	TemporaryTaint
	// PermanentTaint is a taint that an administrator has to remove, for example that of the control plane.
	PermanentTaint
	// Volume is a node on which the volume cannot be used, because of its PersistentVolume's node affinity or zone.
	Volume
	// Placement is a node that the pod's own node affinity or selector excludes.
	Placement
)

// Reason is why some nodes were rejected.
type Reason struct {
	Kind Kind
	// Nodes is the number of nodes that were rejected for this reason.
	Nodes int
	Text  string
}

// Message is a message of kube-scheduler as a set of reasons.
//
// The scheduler asks its plugins in a fixed order and reports only the first one that rejects a node, in this order:
// taints, the pod's node affinity, resources, the volume (getDefaultPlugins in
// k8s.io/kubernetes/pkg/scheduler/apis/config/v1). The volume may be unusable on a node that is rejected for its taint
// as well, but the message does not show it. A node that is rejected for the pod's node affinity is rejected for good.
// The plugins for taints, affinity and volumes report at most one reason for each node, so their counts are numbers of
// nodes. A node without resources is counted once for each resource.
type Message struct {
	// Nodes is the number of nodes of the cluster.
	Nodes   int
	Reasons []Reason
}

var (
	head = regexp.MustCompile(`\b0/(\d+) nodes are available: *`)
	// nextReason is the text between two reasons. Commas of a reason itself are not followed by a number.
	nextReason = regexp.MustCompile(`, (\d+) `)
	counted    = regexp.MustCompile(`^(\d+) (.*)$`)
	// sentenceEnd is the end of the reasons. What follows is about preemption and about claims of devices. Names with
	// dots are not followed by a space.
	sentenceEnd = regexp.MustCompile(`\.+(\s|;|$)`)
)

// Parse parses a message of kube-scheduler, alone or as a part of a longer text. It returns false if there is none.
func Parse(text string) (Message, bool) {
	at := head.FindStringSubmatchIndex(text)
	if at == nil {
		return Message{}, false
	}
	nodes, err := strconv.Atoi(text[at[2]:at[3]])
	if err != nil {
		return Message{}, false
	}
	m := Message{Nodes: nodes}
	for _, reason := range split(reasonsOf(text[at[1]:])) {
		m.Reasons = append(m.Reasons, parseReason(reason, nodes))
	}
	return m, len(m.Reasons) > 0
}

// reasonsOf returns the first sentence of a text, in which braces may hold anything.
func reasonsOf(text string) string {
	for _, end := range sentenceEnd.FindAllStringIndex(text, -1) {
		if !isInBraces(text, end[0]) {
			return text[:end[0]]
		}
	}
	return strings.TrimSpace(text)
}

func split(sentence string) []string {
	var reasons []string
	start := 0
	for _, separator := range nextReason.FindAllStringIndex(sentence, -1) {
		if !isInBraces(sentence, separator[0]) {
			reasons = append(reasons, sentence[start:separator[0]])
			start = separator[0] + len(", ")
		}
	}
	if rest := sentence[start:]; rest != "" {
		reasons = append(reasons, rest)
	}
	return reasons
}

func isInBraces(text string, at int) bool {
	return strings.LastIndexByte(text[:at], '{') > strings.LastIndexByte(text[:at], '}')
}

// parseReason parses one reason. A reason without a count is one about the pod, and concerns all nodes.
func parseReason(text string, nodes int) Reason {
	r := Reason{Nodes: nodes, Text: text}
	if parts := counted.FindStringSubmatch(text); parts != nil {
		if n, err := strconv.Atoi(parts[1]); err == nil {
			r.Nodes, r.Text = n, parts[2]
		}
	}
	r.Kind = kindOf(r.Text)
	return r
}

// texts are parts of the reasons of kube-scheduler 1.26 to 1.37. The first one that is part of a reason applies.
var texts = []struct {
	text string
	kind Kind
}{
	{"bound to non-existent persistentvolume", ClaimGone},
	{"is being deleted", ClaimGone},
	{"unbound immediate PersistentVolumeClaims", Unbound},
	{"CSI driver is not installed on the node", Driver},
	{"already in-use by another pod", InUse},
	{"had no available disk", InUse},
	{"didn't find available persistent volumes", NoSpace},
	{"did not have enough free storage", NoSpace},
	{"exceed max volume count", VolumeLimit},
	{"Insufficient ", Resources},
	{"Too many pods", Resources},
	{"didn't have free ports", Resources},
	{"were unschedulable", Cordoned},
	{"PersistentVolume's node affinity", Volume},
	{"volume node affinity conflict", Volume},
	{"had no available volume zone", Volume},
	{"Pod's node affinity", Placement},
	{"didn't match node selector", Placement},
	{"didn't match the requested node name", Placement},
	{"scheduler-enforced node affinity", Placement},
	{"filtered out by the prefilter result", Placement},
	{"pod affinity terms conflict", Placement},
}

var pluginList = regexp.MustCompile(`didn't satisfy plugin(?:\(s\))? \[?([^\]]+)`)

func kindOf(text string) Kind {
	if parts := pluginList.FindStringSubmatch(text); parts != nil {
		return kindOfPlugins(strings.Fields(parts[1]))
	}
	if strings.Contains(text, "taint") {
		return kindOfTaint(text)
	}
	for _, t := range texts {
		if strings.Contains(text, t.text) {
			return t.kind
		}
	}
	return Unknown
}

// kindOfPlugins returns the kind of a reason that names the plugins which left no node.
func kindOfPlugins(plugins []string) Kind {
	switch {
	case slices.Contains(plugins, "VolumeBinding"):
		return Volume
	case slices.Contains(plugins, "NodeAffinity"):
		return Placement
	}
	return Unknown
}

// transientTaints are parts of the names of taints that Kubernetes, cloud providers and autoscalers set while a node
// starts, has a problem, or is removed.
var transientTaints = []string{
	"node.kubernetes.io/", "node.cloudprovider.kubernetes.io/", "not-ready", "unreachable", "uninitialized",
	"unregistered", "disrupt", "ToBeDeleted", "DeletionCandidate",
}

// kindOfTaint returns whether a taint disappears by itself. Since 1.34, the scheduler does not name it.
func kindOfTaint(text string) Kind {
	named := strings.Contains(text, "{")
	transient := slices.ContainsFunc(transientTaints, func(t string) bool { return strings.Contains(text, t) })
	if named && !transient {
		return PermanentTaint
	}
	return TemporaryTaint
}

// VolumeOutOfReach reports whether the volume can be used on none of the nodes on which the pod may run, so that the
// pod stays unscheduled until the cluster is changed. If taintsExclude is true, nodes with an administrator's taint
// count as nodes on which the pod may not run. That is a guess: the volume may be usable on such a node. Pass true only
// if the volume's node affinity cannot be read.
func (m Message) VolumeOutOfReach(taintsExclude bool) bool {
	excluded, byVolume := 0, false
	for _, r := range m.Reasons {
		byVolume = byVolume || r.Kind == Volume
		if r.Kind == Volume || r.Kind == Placement || taintsExclude && r.Kind == PermanentTaint {
			excluded += r.Nodes
		}
	}
	return byVolume && excluded >= m.Nodes
}

// Has reports whether a reason is of a kind.
func (m Message) Has(k Kind) bool {
	return slices.ContainsFunc(m.Reasons, func(r Reason) bool { return r.Kind == k })
}

// Deciding returns the reason that keeps the pod from being scheduled. Nodes that the pod's or the volume's node
// affinity excludes are no candidates, so a reason of the other nodes decides. If there are no other nodes, the volume
// decides.
func (m Message) Deciding() Reason {
	var deciding Reason
	for _, r := range m.Reasons {
		if deciding.Text == "" || precedes(r, deciding) {
			deciding = r
		}
	}
	return deciding
}

// precedes reports whether a reason decides rather than another.
func precedes(a, b Reason) bool {
	if x, y := rank(a.Kind), rank(b.Kind); x != y {
		return x < y
	}
	if a.Nodes != b.Nodes {
		return a.Nodes > b.Nodes
	}
	return a.Kind < b.Kind
}

// rank orders reasons: first those about the claim itself, then those of nodes that may become available, then those
// that are not known, then those of nodes that will not become available.
func rank(k Kind) int {
	switch k {
	case ClaimGone, Unbound:
		return 0
	case Unknown:
		return 2
	case PermanentTaint:
		return 3
	case Volume:
		return 4
	case Placement:
		return 5
	}
	return 1
}
