package preflight

import (
	"fmt"
	"slices"

	"github.com/volume-durability/volume-durability/pkg/advice"
	"github.com/volume-durability/volume-durability/pkg/judge"
)

// checkImage checks whether the nodes that can run the pods have the image already. Whether a node can pull an image is
// known only once it tries. isDefault is set if the user chose no image: the project has published none yet.
func (n nodes) checkImage(image string, isDefault bool) Check {
	const check = "image"
	usable := n.usable()
	having := 0
	for _, node := range n.all {
		if slices.Contains(usable, node.Name) && hasImage(node, image) {
			having++
		}
	}
	switch {
	case len(usable) > 0 && having == len(usable):
		return Check{check, Passed, "every node that can run the pods has " + image}
	case having > 0:
		return Check{check, Warning, fmt.Sprintf("%s; not checked: whether the other nodes can pull it",
			judge.Plural(having, "node has "+image, "nodes have "+image))}
	case isDefault:
		return Check{check, Warning, image + " is the default, and the project has not published it yet; not checked: " +
			"whether the nodes can pull it" + advice.Sentence("set LIB_IMAGE to an image of your own")}
	}
	return Check{check, Warning, "not checked: whether the nodes can pull " + image}
}
