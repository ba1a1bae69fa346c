package checklist

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/volume-durability/volume-durability/pkg/report/assessment"
	"github.com/volume-durability/volume-durability/pkg/report/rule"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// The objects of a CKLB.
type (
	cklb struct {
		Title   string     `json:"title"`
		ID      string     `json:"id"`
		Active  bool       `json:"active"`
		Mode    int        `json:"mode"`
		HasPath bool       `json:"has_path"`
		Version string     `json:"cklb_version"`
		Target  cklbTarget `json:"target_data"`
		STIGs   []cklbSTIG `json:"stigs"`
	}
	cklbTarget struct {
		Type           string  `json:"target_type"`
		HostName       string  `json:"host_name"`
		IP             string  `json:"ip_address"`
		MAC            string  `json:"mac_address"`
		FQDN           string  `json:"fqdn"`
		Comments       string  `json:"comments"`
		Role           string  `json:"role"`
		IsWebDatabase  bool    `json:"is_web_database"`
		TechnologyArea string  `json:"technology_area"`
		WebDBSite      string  `json:"web_db_site"`
		WebDBInstance  string  `json:"web_db_instance"`
		Classification *string `json:"classification"`
	}
	cklbSTIG struct {
		Name        string     `json:"stig_name"`
		DisplayName string     `json:"display_name"`
		ID          string     `json:"stig_id"`
		Version     string     `json:"version"`
		ReleaseInfo string     `json:"release_info"`
		UUID        string     `json:"uuid"`
		Reference   string     `json:"reference_identifier"`
		Size        int        `json:"size"`
		Rules       []cklbRule `json:"rules"`
	}
	cklbRule struct {
		UUID                     string      `json:"uuid"`
		STIGUUID                 string      `json:"stig_uuid"`
		TargetKey                *string     `json:"target_key"`
		STIGRef                  *string     `json:"stig_ref"`
		GroupID                  string      `json:"group_id"`
		GroupIDSource            string      `json:"group_id_src"`
		RuleID                   string      `json:"rule_id"`
		RuleIDSource             string      `json:"rule_id_src"`
		Weight                   string      `json:"weight"`
		Classification           string      `json:"classification"`
		Severity                 string      `json:"severity"`
		RuleVersion              string      `json:"rule_version"`
		GroupTitle               string      `json:"group_title"`
		RuleTitle                string      `json:"rule_title"`
		FixText                  string      `json:"fix_text"`
		FalsePositives           string      `json:"false_positives"`
		FalseNegatives           string      `json:"false_negatives"`
		Discussion               string      `json:"discussion"`
		CheckContent             string      `json:"check_content"`
		CheckContentRef          rule.Ref    `json:"check_content_ref"`
		Documentable             string      `json:"documentable"`
		Mitigations              string      `json:"mitigations"`
		PotentialImpacts         string      `json:"potential_impacts"`
		ThirdPartyTools          string      `json:"third_party_tools"`
		MitigationControl        string      `json:"mitigation_control"`
		Responsibility           string      `json:"responsibility"`
		SecurityOverrideGuidance string      `json:"security_override_guidance"`
		IAControls               string      `json:"ia_controls"`
		LegacyIDs                []string    `json:"legacy_ids"`
		CCIs                     []string    `json:"ccis"`
		GroupTree                []cklbGroup `json:"group_tree"`
		Reference                string      `json:"reference_identifier"`
		Status                   string      `json:"status"`
		Overrides                struct{}    `json:"overrides"`
		Comments                 string      `json:"comments"`
		FindingDetails           string      `json:"finding_details"`
		CreatedAt                time.Time   `json:"createdAt"`
		UpdatedAt                time.Time   `json:"updatedAt"`
		// STIG Viewer writes both spellings.
		STIGUuid string `json:"STIGUuid"`
	}
	cklbGroup struct {
		ID          string `json:"id"`
		Title       string `json:"title"`
		Description string `json:"description"`
	}
)

// CKLB returns the checklist of a result for one rule, as JSON.
func CKLB(r result.Result, to rule.Rule, metadata assessment.Metadata) ([]byte, error) {
	b := to.Benchmark
	document := cklb{
		Title: "volume-durability " + to.GroupID + " " + r.RunID, ID: id(r, "cklb"), Active: true, Mode: 2, Version: "1.0",
		Target: cklbTarget{
			Type: "Computing", HostName: assessment.Asset(r, metadata), Role: "None",
			Comments: "Kubernetes cluster " + string(r.Cluster.UID),
		},
		STIGs: []cklbSTIG{{
			Name: b.Title, DisplayName: strings.TrimSuffix(b.Title, " Security Technical Implementation Guide"), ID: b.ID,
			Version: b.Version, ReleaseInfo: b.ReleaseInfo, UUID: id(r, b.ID), Reference: b.TargetKey, Size: 1,
			Rules: []cklbRule{newRule(r, to, metadata)},
		}},
	}
	encoded, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encoding the CKLB of run %s: %w", r.RunID, err)
	}
	return append(encoded, '\n'), nil
}

func newRule(r result.Result, to rule.Rule, metadata assessment.Metadata) cklbRule {
	a, b := assessment.Assess(r, to, metadata), to.Benchmark
	return cklbRule{
		UUID: id(r, to.ID), STIGUUID: id(r, b.ID), STIGUuid: id(r, b.ID),
		GroupID: to.GroupID, GroupIDSource: to.GroupID, GroupTitle: to.GroupTitle,
		RuleID: strings.TrimSuffix(to.ID, "_rule"), RuleIDSource: to.ID, RuleVersion: to.Version, RuleTitle: to.Title,
		Weight: to.Weight, Classification: "UNCLASSIFIED", Severity: to.Severity,
		CheckContent: to.Excerpt(), CheckContentRef: b.ContentRef, FixText: to.FixText, Documentable: "false",
		LegacyIDs: []string{}, CCIs: to.CCIs, Reference: b.TargetKey,
		GroupTree: []cklbGroup{{ID: to.GroupID, Title: to.GroupTitle, Description: "<GroupDescription></GroupDescription>"}},
		Status:    statusNames[a.Status].cklb, Comments: a.Comments, FindingDetails: a.Details,
		CreatedAt: r.StartedAt.UTC(), UpdatedAt: r.EndedAt.UTC(),
	}
}
