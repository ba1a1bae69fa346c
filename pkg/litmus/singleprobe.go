package litmus

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"

	chaosclient "github.com/litmuschaos/chaos-operator/pkg/client/clientset/versioned/typed/litmuschaos/v1alpha1"
	"k8s.io/client-go/rest"
)

// newSingleProbeClient returns a client with which litmus-go runs only one of the engine's probes. litmus-go has no
// function for that: it reads the engine first and runs all probes in it. The client removes the other probes from the
// first answer. Later answers are unchanged, because litmus-go writes the engine back if a probe stops the run.
func newSingleProbeClient(config *rest.Config, name string) (*chaosclient.LitmuschaosV1alpha1Client, error) {
	filtered := rest.CopyConfig(config)
	filtered.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return &singleProbeTransport{probe: name, next: next}
	})
	client, err := chaosclient.NewForConfig(filtered)
	if err != nil {
		return nil, fmt.Errorf("creating a client for probe %q: %w", name, err)
	}
	return client, nil
}

// singleProbeTransport removes all probes but one from the first ChaosEngine in an answer.
type singleProbeTransport struct {
	probe    string
	next     http.RoundTripper
	filtered atomic.Bool
}

func (t *singleProbeTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := t.next.RoundTrip(request)
	isEngine := err == nil && request.Method == http.MethodGet && response.StatusCode == http.StatusOK
	if !isEngine || t.filtered.Swap(true) {
		return response, err
	}
	content, err := io.ReadAll(response.Body)
	if closeErr := response.Body.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		content, err = t.filter(content)
	}
	if err != nil {
		t.filtered.Store(false)
		return nil, fmt.Errorf("reading the ChaosEngine for probe %q: %w", t.probe, err)
	}
	response.Body = io.NopCloser(bytes.NewReader(content))
	response.ContentLength = int64(len(content))
	response.Header.Del("Content-Length")
	return response, nil
}

// filter removes the other probes. It keeps all other fields, including fields that this program does not define.
func (t *singleProbeTransport) filter(content []byte) ([]byte, error) {
	var engine map[string]any
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber()
	if err := decoder.Decode(&engine); err != nil {
		return nil, err
	}
	spec, _ := engine["spec"].(map[string]any)
	experiments, _ := spec["experiments"].([]any)
	for _, one := range experiments {
		experiment, _ := one.(map[string]any)
		attributes, _ := experiment["spec"].(map[string]any)
		probes, _ := attributes["probe"].([]any)
		var kept []any
		for _, p := range probes {
			if fields, _ := p.(map[string]any); fields["name"] == t.probe {
				kept = append(kept, p)
			}
		}
		if attributes != nil {
			attributes["probe"] = kept
		}
	}
	return json.Marshal(engine)
}
