package rule

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAll_RulesHaveTheFieldsThatAChecklistNeeds(t *testing.T) {
	all, err := All()
	require.NoError(t, err)
	require.NotEmpty(t, all)
	for _, r := range all {
		assert.Regexp(t, regexp.MustCompile(`^V-\d+$`), r.GroupID)
		assert.Regexp(t, regexp.MustCompile(`^SV-\d+r\d+_rule$`), r.ID, r.GroupID)
		assert.Contains(t, r.ID, r.GroupID[1:], "the rule's id contains the number of its group")
		release := regexp.MustCompile(`Release:\s*(\d+) Benchmark Date: \d{2} \w{3} \d{4}$`)
		assert.Regexp(t, release, r.Benchmark.ReleaseInfo, r.GroupID)
		assert.Contains(t, []string{"low", "medium", "high"}, r.Severity, r.GroupID)
		b := r.Benchmark
		for _, s := range []string{r.Version, r.Title, b.ID, b.Title, b.Version, b.Target} {
			assert.NotEmpty(t, s, r.GroupID)
		}
		assert.NotEmpty(t, r.CCIs, r.GroupID)
		assert.NotEmpty(t, r.Controls, r.GroupID)
	}
}

func TestFind_FindsARuleByItsGroup(t *testing.T) {
	r, err := Find(Default)
	require.NoError(t, err)
	assert.Equal(t, "CNTR-MK-000980", r.Version)
	assert.Equal(t, "Mirantis_Kubernetes_Engine_STIG", r.Benchmark.ID)
	assert.Contains(t, r.Excerpt(), "If there is no log data, this is a finding.")
	_, err = Find("V-1")
	assert.ErrorContains(t, err, `unknown rule "V-1": want one of V-260932, V-233123, V-222586`)
}

func TestExcerpt_IsEmptyWithoutQuotes(t *testing.T) {
	assert.Empty(t, Rule{}.Excerpt())
}
