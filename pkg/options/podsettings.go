package options

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"
)

// inherited returns a reader of an option whose empty value stands for the setting of the experiment's pod, and none
// for no setting at all.
func inherited(setNone func(*Values), set func(*Values, string) error) func(*Values, string) error {
	return optional(func(v *Values, value string) error {
		if value == None {
			setNone(v)
			return nil
		}
		return set(v, value)
	})
}

// className returns a reader of the name of a class, or of none.
func className(field func(*Values) **string) func(*Values, string) error {
	return inherited(func(v *Values) { *field(v) = new(string) }, func(v *Values, value string) error {
		class, err := names(validation.IsDNS1123Subdomain)(value)
		*field(v) = &class
		return err
	})
}

// effects are the effects of taints.
var effects = []corev1.TaintEffect{
	corev1.TaintEffectNoSchedule, corev1.TaintEffectPreferNoSchedule, corev1.TaintEffectNoExecute,
}

// toleration reads one toleration in the form that kubectl taint uses for a taint: key[=value][:effect], or * for all.
func toleration(text string) (corev1.Toleration, error) {
	if text == "*" {
		return corev1.Toleration{Operator: corev1.TolerationOpExists}, nil
	}
	taint, effect, hasEffect := strings.Cut(text, ":")
	key, value, hasValue := strings.Cut(taint, "=")
	t := corev1.Toleration{
		Key: key, Operator: corev1.TolerationOpExists, Value: value, Effect: corev1.TaintEffect(effect),
	}
	if hasValue {
		t.Operator = corev1.TolerationOpEqual
	}
	wrongEffect := hasEffect && !slices.Contains(effects, t.Effect)
	if len(validation.IsQualifiedName(key)) > 0 || len(validation.IsValidLabelValue(value)) > 0 || wrongEffect {
		return t, wanted("none, *, or taints such as key=value:NoSchedule, key:NoExecute or key, separated by commas; the " +
			"effects are NoSchedule, PreferNoSchedule and NoExecute")
	}
	return t, nil
}

// readPairs reads distinct pairs key=value, separated by commas.
func readPairs(text string, valid func(key, value string) bool, want string) (map[string]string, error) {
	pairs := map[string]string{}
	for item := range strings.SplitSeq(text, ",") {
		key, value, found := strings.Cut(strings.TrimSpace(item), "=")
		_, twice := pairs[key]
		if !found || twice || len(validation.IsQualifiedName(key)) > 0 || !valid(key, value) {
			return nil, wanted(want)
		}
		pairs[key] = value
	}
	return pairs, nil
}

// isLabel reports whether a value is valid for a label.
func isLabel(_, value string) bool { return len(validation.IsValidLabelValue(value)) == 0 }

// IsReserved reports whether a run itself sets a label or an annotation.
func IsReserved(name string) bool {
	return strings.HasPrefix(name, "volume-durability/") || name == "chaosUID" || name == "app.kubernetes.io/part-of"
}

func nodeSelector(v *Values, value string) (err error) {
	valid := func(key, value string) bool {
		return isLabel(key, value) && (key != corev1.LabelOSStable || value == string(corev1.Linux))
	}
	v.NodeSelector, err = readPairs(value, valid, "none, or labels of nodes with Linux, such as key=value,key=value")
	return err
}

func podLabels(v *Values, value string) (err error) {
	valid := func(key, value string) bool { return isLabel(key, value) && !IsReserved(key) }
	v.PodLabels, err = readPairs(value, valid, "labels such as key=value,key=value that a run does not set itself")
	return err
}

// podAnnotations reads annotations with a value, and names of annotations of the experiment's pod.
func podAnnotations(v *Values, value string) error {
	const want = "annotations such as key=value,key that a run does not set itself"
	var pairs []string
	for item := range strings.SplitSeq(value, ",") {
		switch item = strings.TrimSpace(item); {
		case strings.Contains(item, "="):
			pairs = append(pairs, item)
		case len(validation.IsQualifiedName(item)) > 0 || IsReserved(item):
			return wanted(want)
		default:
			v.CopiedAnnotations = append(v.CopiedAnnotations, item)
		}
	}
	if pairs == nil {
		return nil
	}
	annotations, err := readPairs(strings.Join(pairs, ","), func(key, _ string) bool { return !IsReserved(key) }, want)
	v.PodAnnotations = annotations
	return err
}

// resources returns a reader of amounts of resources.
func resources(field func(*Values) *corev1.ResourceList) func(*Values, string) error {
	setNone := func(v *Values) { *field(v) = corev1.ResourceList{} }
	return inherited(setNone, func(v *Values, value string) error {
		amounts := corev1.ResourceList{}
		valid := func(name, amount string) bool {
			q, err := resource.ParseQuantity(amount)
			amounts[corev1.ResourceName(name)] = q
			return err == nil && q.Sign() >= 0
		}
		_, err := readPairs(value, valid, "none, or amounts such as cpu=100m,memory=128Mi")
		*field(v) = amounts
		return err
	})
}

// excessiveRequests returns an InvalidValueError for each request that is higher than its limit.
func excessiveRequests(v Values) []error {
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(v.ResourceRequests)) {
		request := v.ResourceRequests[name]
		if limit, set := v.ResourceLimits[name]; set && request.Cmp(limit) > 0 {
			problems = append(problems, InvalidValueError{"RESOURCE_REQUESTS", fmt.Sprintf("%s=%s", name, request.String()),
				fmt.Sprintf("at most %s, which is RESOURCE_LIMITS", limit.String())})
		}
	}
	return problems
}

func podTemplate(v *Values, value string) error {
	return absolutePath(func(v *Values) *string { return &v.PodTemplate })(v, value)
}

// Labels returns the labels that the node must have; nil if the node is not chosen by labels.
func (n WriterNode) Labels() map[string]string {
	if !strings.Contains(string(n), "=") {
		return nil
	}
	pairs, _ := readPairs(string(n), isLabel, "") // the reader of the option has accepted it
	return pairs
}

func writerNode(v *Values, value string) error {
	v.WriterNode = WriterNode(value)
	if len(validation.IsDNS1123Subdomain(value)) == 0 || v.WriterNode.Labels() != nil {
		return nil
	}
	return wanted("any, claim, a node's name, or labels of nodes such as key=value,key=value")
}
