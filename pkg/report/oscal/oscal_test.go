package oscal

import (
	"encoding/json"
	"testing"

	"github.com/defenseunicorns/go-oscal/src/pkg/validation"
	oscal "github.com/defenseunicorns/go-oscal/src/types/oscal-1-1-3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/report/assessment"
	"github.com/volume-durability/volume-durability/pkg/report/rule"
	"github.com/volume-durability/volume-durability/tests/samples"
)

func TestRender_IsValidUnderTheOfficialSchema(t *testing.T) {
	rules, err := rule.All()
	require.NoError(t, err)
	for _, s := range samples.All() {
		for _, to := range rules {
			t.Run(s.Name+"/"+to.GroupID, func(t *testing.T) {
				encoded, err := Render(s.Result, to, assessment.Metadata{ResultSHA256: "00ff", BundleLocation: "ConfigMap stig/x"})
				require.NoError(t, err)
				v, err := validation.NewValidator(encoded)
				require.NoError(t, err)
				assert.Equal(t, Version, v.GetSchemaVersion())
				require.NoError(t, v.Validate())
			})
		}
	}
}

func TestRender_HasAFindingOnlyForAnEstablishedResult(t *testing.T) {
	to, err := rule.Find(rule.Default)
	require.NoError(t, err)
	for _, s := range samples.All() {
		t.Run(s.Name, func(t *testing.T) {
			encoded, err := Render(s.Result, to, assessment.Metadata{})
			require.NoError(t, err)
			var document oscal.OscalModels
			require.NoError(t, json.Unmarshal(encoded, &document))
			findings := document.AssessmentResults.Results[0].Findings
			switch s.Name {
			case "pass", "too-slow":
				assert.Equal(t, "satisfied", (*findings)[0].Target.Status.State)
			case "fail", "empty", "matrix", "overwrite":
				assert.Equal(t, "not-satisfied", (*findings)[0].Target.Status.State)
			default:
				assert.Nil(t, findings)
			}
		})
	}
}
