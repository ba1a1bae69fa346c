package kube

import (
	"context"

	"github.com/volume-durability/volume-durability/pkg/apiretry"
)

// insist makes a request until the API server has answered it, for as long as a
// step may take. An API server that is away for a while ends no run; what it
// answers does.
func (n Client) insist(ctx context.Context, doing string, request func(context.Context) error) error {
	ctx, cancel := n.within(ctx, "the API server: %s", doing)
	defer cancel()
	return apiretry.Do(ctx, n.API, n.Log, doing, request)
}
