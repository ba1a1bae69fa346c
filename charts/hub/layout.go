package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"sigs.k8s.io/yaml"
)

// fault is the name of the chart, of its ChaosExperiment and of its folders in the hub.
const fault = "volume-durability"

// chart has the files of a chart.
type chart struct {
	experiment, engine, version, icon []byte
}

// hubFiles returns the files of the hub by path.
func hubFiles(charts string) (map[string][]byte, error) {
	c, err := read(charts)
	if err != nil {
		return nil, err
	}
	var version serviceVersion
	if err := yaml.UnmarshalStrict(c.version, &version); err != nil {
		return nil, fmt.Errorf("reading the chart's ChartServiceVersion: %w", err)
	}
	// The categories in chaos center are folders of the hub.
	category := strings.ToLower(version.Metadata.Annotations["categories"])
	categoryVersion, err := c.group(version, category, version.Metadata.Annotations["categories"])
	if err != nil {
		return nil, err
	}
	workflow, err := c.workflow()
	if err != nil {
		return nil, err
	}
	workflowVersion, err := c.group(version, fault, version.Spec["displayName"])
	if err != nil {
		return nil, err
	}
	faults := "faults/" + category + "/"
	return map[string][]byte{
		faults + category + ".chartserviceversion.yaml":                    categoryVersion,
		faults + "icons/" + fault + ".png":                                 c.icon,
		faults + fault + "/fault.yaml":                                     c.experiment,
		faults + fault + "/engine.yaml":                                    c.engine,
		faults + fault + "/" + fault + ".chartserviceversion.yaml":         c.version,
		"experiments/icons/" + fault + ".png":                              c.icon,
		"experiments/" + fault + "/experiment.yaml":                        workflow,
		"experiments/" + fault + "/" + fault + ".chartserviceversion.yaml": workflowVersion,
	}, nil
}

func read(charts string) (c chart, err error) {
	for file, into := range map[string]*[]byte{
		fault + "/experiment.yaml":                        &c.experiment,
		fault + "/engine.yaml":                            &c.engine,
		fault + "/" + fault + ".chartserviceversion.yaml": &c.version,
		"icons/" + fault + ".png":                         &c.icon,
	} {
		if *into, err = os.ReadFile(filepath.Join(charts, filepath.FromSlash(file))); err != nil {
			return c, fmt.Errorf("reading the chart: %w", err)
		}
	}
	return c, nil
}

// serviceVersion is a ChartServiceVersion, which describes a fault, a category or a workflow in chaos center. It is not
// a resource of Kubernetes.
type serviceVersion struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name        string            `json:"name"`
		Version     string            `json:"version"`
		Annotations map[string]string `json:"annotations"`
	} `json:"metadata"`
	Spec map[string]any `json:"spec"`
}

// group returns the ChartServiceVersion of a group with this fault as its only member. Its description is that of the
// fault.
func (c chart) group(version serviceVersion, name string, display any) ([]byte, error) {
	var experiment struct {
		chaosv1alpha1.ChaosExperiment
		Description struct{ Message string }
	}
	if err := yaml.Unmarshal(c.experiment, &experiment); err != nil {
		return nil, fmt.Errorf("reading the chart's ChaosExperiment: %w", err)
	}
	group := version
	group.Metadata.Name = name
	group.Spec = map[string]any{
		"displayName":         display,
		"categoryDescription": version.Spec["categoryDescription"],
		"faults": []map[string]any{{
			"name": experiment.Name, "displayName": version.Spec["displayName"],
			"description": strings.TrimSpace(experiment.Description.Message),
		}},
	}
	copied := []string{"keywords", "platforms", "maintainers", "minKubeVersion", "links", "icon", "provider"}
	for _, field := range copied {
		group.Spec[field] = version.Spec[field]
	}
	return yaml.Marshal(group)
}
