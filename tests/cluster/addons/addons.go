// Package addons is what the cluster needs beyond Kubernetes itself, as
// manifests: access to kubelets, storage classes with their provisioner, Litmus.
package addons

import (
	"bytes"
	"embed"
	"fmt"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/volume-durability/volume-durability/tests/cluster/layout"
)

//go:embed manifests
var manifests embed.FS

// Render returns every manifest by its file name.
func Render() (map[string][]byte, error) {
	entries, err := manifests.ReadDir("manifests")
	if err != nil {
		return nil, err
	}
	values := map[string]any{
		"Shared": layout.SharedVolumes, "Nodes": layout.Nodes(), "Busybox": layout.BusyboxImage,
		"Provisioner": layout.ProvisionerImage, "Operator": layout.OperatorImage, "Runner": layout.RunnerImage,
		"Driver": layout.CSIDriver, "Sidecars": []string{"csi-provisioner", "csi-attacher"},
		"Backends": []string{"ext4", "xfs", "btrfs", "block", "tmpfs", "shared", "gluster"},
	}
	rendered := map[string][]byte{}
	for _, e := range entries {
		content, err := manifests.ReadFile(filepath.Join("manifests", e.Name()))
		if err != nil {
			return nil, err
		}
		t, err := template.New(e.Name()).Option("missingkey=error").Parse(string(content))
		if err != nil {
			return nil, fmt.Errorf("manifest %s: %w", e.Name(), err)
		}
		var out bytes.Buffer
		if err := t.Execute(&out, values); err != nil {
			return nil, fmt.Errorf("manifest %s: %w", e.Name(), err)
		}
		rendered[strings.TrimSuffix(e.Name(), ".tmpl")] = out.Bytes()
	}
	return rendered, nil
}

// LitmusManifests are the files in the chaos-operator's module that make its
// kinds, its namespace and its permissions.
func LitmusManifests(module string) []string {
	return []string{filepath.Join(module, "deploy", "chaos_crds.yaml"), filepath.Join(module, "deploy", "rbac.yaml")}
}

// Deployments are those that must be available, as namespace and name.
var Deployments = [][2]string{{"local-path-storage", "local-path-provisioner"}, {"litmus", "litmus"}}
