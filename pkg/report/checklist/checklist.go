// Package checklist renders assessments as checklists for the tools of assessors: CKL (STIG Viewer 2 and 3, STIG Manager,
// eMASS, OpenRMF, Heimdall) and CKLB (STIG Viewer 3, STIG Manager, eMASS).
package checklist

import (
	"github.com/google/uuid"

	"github.com/volume-durability/volume-durability/pkg/report/assessment"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// statusNames are the names of the statuses in both formats.
var statusNames = map[assessment.Status]struct{ ckl, cklb string }{
	assessment.NotAFinding:   {"NotAFinding", "not_a_finding"},
	assessment.Open:          {"Open", "open"},
	assessment.NotApplicable: {"Not_Applicable", "not_applicable"},
	assessment.NotReviewed:   {"Not_Reviewed", "not_reviewed"},
}

// id returns a UUID that is unique to an object of a run and always the same for it.
func id(r result.Result, object string) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("volume-durability:"+r.RunID+":"+object)).String()
}
