package checklist

import (
	"encoding/xml"
	"fmt"

	"github.com/volume-durability/volume-durability/pkg/report/assessment"
	"github.com/volume-durability/volume-durability/pkg/report/rule"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// The elements of a CKL, in the order of its schema.
type (
	ckl struct {
		XMLName xml.Name `xml:"CHECKLIST"`
		Asset   cklAsset `xml:"ASSET"`
		STIGs   []iSTIG  `xml:"STIGS>iSTIG"`
	}
	cklAsset struct {
		Role          string `xml:"ROLE"`
		Type          string `xml:"ASSET_TYPE"`
		HostName      string `xml:"HOST_NAME"`
		HostIP        string `xml:"HOST_IP"`
		HostMAC       string `xml:"HOST_MAC"`
		HostFQDN      string `xml:"HOST_FQDN"`
		Comment       string `xml:"TARGET_COMMENT"`
		TechArea      string `xml:"TECH_AREA"`
		TargetKey     string `xml:"TARGET_KEY"`
		WebOrDatabase bool   `xml:"WEB_OR_DATABASE"`
		WebDBSite     string `xml:"WEB_DB_SITE"`
		WebDBInstance string `xml:"WEB_DB_INSTANCE"`
	}
	iSTIG struct {
		Info  []siData `xml:"STIG_INFO>SI_DATA"`
		Vulns []vuln   `xml:"VULN"`
	}
	siData struct {
		Name string  `xml:"SID_NAME"`
		Data *string `xml:"SID_DATA"`
	}
	vuln struct {
		Data                  []stigData `xml:"STIG_DATA"`
		Status                string     `xml:"STATUS"`
		FindingDetails        string     `xml:"FINDING_DETAILS"`
		Comments              string     `xml:"COMMENTS"`
		SeverityOverride      string     `xml:"SEVERITY_OVERRIDE"`
		SeverityJustification string     `xml:"SEVERITY_JUSTIFICATION"`
	}
	stigData struct {
		Attribute string `xml:"VULN_ATTRIBUTE"`
		Data      string `xml:"ATTRIBUTE_DATA"`
	}
)

// CKL returns the checklist of a result for one rule, as XML.
func CKL(r result.Result, to rule.Rule, metadata assessment.Metadata) ([]byte, error) {
	a := assessment.Assess(r, to, metadata)
	document := ckl{
		Asset: cklAsset{
			Role: "None", Type: "Computing", HostName: assessment.Asset(r, metadata),
			Comment: "Kubernetes cluster " + string(r.Cluster.UID), TargetKey: to.Benchmark.TargetKey,
		},
		STIGs: []iSTIG{{Info: info(r, to.Benchmark), Vulns: []vuln{{
			Data: attributes(r, to), Status: statusNames[a.Status].ckl, FindingDetails: a.Details, Comments: a.Comments,
		}}}},
	}
	encoded, err := xml.MarshalIndent(document, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encoding the CKL of run %s: %w", r.RunID, err)
	}
	return append([]byte(xml.Header), append(encoded, '\n')...), nil
}

func info(r result.Result, b rule.Benchmark) []siData {
	entry := func(name, value string) siData {
		if value == "" {
			return siData{Name: name}
		}
		return siData{name, &value}
	}
	return []siData{
		entry("version", b.Version), entry("classification", "UNCLASSIFIED"), entry("customname", ""), entry("stigid", b.ID),
		entry("description", ""), entry("filename", b.ContentRef.HRef), entry("releaseinfo", b.ReleaseInfo),
		entry("title", b.Title), entry("uuid", id(r, b.ID)), entry("notice", ""), entry("source", ""),
	}
}

func attributes(r result.Result, to rule.Rule) []stigData {
	all := []stigData{
		{"Vuln_Num", to.GroupID}, {"Severity", to.Severity}, {"Group_Title", to.GroupTitle},
		{"Rule_ID", to.ID}, {"Rule_Ver", to.Version}, {"Rule_Title", to.Title},
		{"Vuln_Discuss", ""}, {"IA_Controls", ""}, {"Check_Content", to.Excerpt()}, {"Fix_Text", to.FixText},
		{"False_Positives", ""}, {"False_Negatives", ""}, {"Documentable", "false"},
		{"Mitigations", ""}, {"Potential_Impact", ""},
		// Heimdall parses this one as JSON, so it stays empty.
		{"Third_Party_Tools", ""},
		{"Mitigation_Control", ""}, {"Responsibility", ""}, {"Security_Override_Guidance", ""},
		{"Check_Content_Ref", to.Benchmark.ContentRef.Name}, {"Weight", to.Weight},
		{"Class", "Unclass"}, {"STIGRef", to.Benchmark.Reference()},
		{"TargetKey", to.Benchmark.TargetKey}, {"STIG_UUID", id(r, to.Benchmark.ID)}, {"LEGACY_ID", ""},
	}
	for _, cci := range to.CCIs {
		all = append(all, stigData{"CCI_REF", cci})
	}
	return all
}
