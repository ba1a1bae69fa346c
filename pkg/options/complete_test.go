package options

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestComplete_ProposesEveryListedValue(t *testing.T) {
	proposed := map[string][]string{}
	for _, option := range Table() {
		if values := option.Complete(""); values != nil {
			proposed[option.Name] = values
		}
	}
	assert.Equal(t, completions(), proposed, "an option that does not accept a value does not propose it")
}
