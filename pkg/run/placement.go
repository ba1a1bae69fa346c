package run

import (
	"context"

	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// writerPlacement returns where a writer of a cell may run. The application that uses the claim may have moved since
// the last writer, so its node is looked up for each one.
func (r Run) writerPlacement(ctx context.Context, plan options.CellSpec) (kube.Placement, error) {
	switch node := r.Options.WriterNode; {
	case node == options.ClaimNode:
		return r.claimPlacement(ctx, plan)
	case node == options.AnyWriterNode, node == "":
		return kube.Placement{}, nil
	case node.Labels() != nil:
		return kube.Placement{Labels: node.Labels()}, nil
	default:
		return kube.Placement{Node: string(node)}, nil
	}
}

// claimPlacement returns the node of the application that uses the existing claim of a cell; any node if there is none.
func (r Run) claimPlacement(ctx context.Context, plan options.CellSpec) (kube.Placement, error) {
	if plan.ExistingClaim == "" { // the control
		return kube.Placement{}, nil
	}
	node, err := r.Kube.NodeOfClaim(ctx, plan.ExistingClaim)
	if err == nil && node == "" {
		r.Log.Infof("No other pod uses claim %s: the writer may run on any node", plan.ExistingClaim)
	}
	return kube.Placement{Node: node}, err
}

// readerPlacement returns where the reader of a cell may run.
func (r Run) readerPlacement(ctx context.Context, cell *result.Cell) (kube.Placement, error) {
	if cell.Spec.ReaderNode == options.AnyNode && r.Options.WriterNode == options.ClaimNode {
		return r.claimPlacement(ctx, cell.Spec)
	}
	return relativePlacement(cell), nil
}

// relativePlacement returns where the reader may run, relative to the last writer.
func relativePlacement(cell *result.Cell) kube.Placement {
	var writerNode string
	if len(cell.Epochs) > 0 {
		writerNode = cell.Epochs[len(cell.Epochs)-1].Node
	}
	switch node := cell.Spec.ReaderNode; node {
	case options.AnyNode:
		return kube.Placement{}
	case options.SameNode:
		return kube.Placement{Node: writerNode}
	case options.OtherNode:
		return kube.Placement{ExcludeNode: writerNode}
	default:
		return kube.Placement{Node: string(node)}
	}
}
