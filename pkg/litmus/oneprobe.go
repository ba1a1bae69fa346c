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

// showingOnly is a client for Litmus that shows litmus-go one of the engine's probes, the
// first time: litmus-go begins by asking the engine which probes to run. Afterwards it
// shows the engine as it is, for litmus-go writes it back where a probe stops the run.
func showingOnly(config *rest.Config, name string) (*chaosclient.LitmuschaosV1alpha1Client, error) {
	narrowed := rest.CopyConfig(config)
	narrowed.Wrap(func(next http.RoundTripper) http.RoundTripper { return &oneProbe{name: name, next: next} })
	client, err := chaosclient.NewForConfig(narrowed)
	if err != nil {
		return nil, fmt.Errorf("making a client for probe %q: %w", name, err)
	}
	return client, nil
}

// oneProbe leaves one probe in the first ChaosEngine that it is answered.
type oneProbe struct {
	name  string
	next  http.RoundTripper
	shown atomic.Bool
}

func (o *oneProbe) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := o.next.RoundTrip(request)
	if err != nil || request.Method != http.MethodGet || response.StatusCode != http.StatusOK || o.shown.Swap(true) {
		return response, err
	}
	content, err := io.ReadAll(response.Body)
	if closing := response.Body.Close(); err == nil {
		err = closing
	}
	if err == nil {
		content, err = o.narrow(content)
	}
	if err != nil {
		o.shown.Store(false)
		return nil, fmt.Errorf("reading the ChaosEngine for probe %q: %w", o.name, err)
	}
	response.Body = io.NopCloser(bytes.NewReader(content))
	response.ContentLength = int64(len(content))
	response.Header.Del("Content-Length")
	return response, nil
}

// narrow leaves everything else as it came.
func (o *oneProbe) narrow(content []byte) ([]byte, error) {
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
		its, _ := experiment["spec"].(map[string]any)
		probes, _ := its["probe"].([]any)
		var kept []any
		for _, p := range probes {
			if named, _ := p.(map[string]any); named["name"] == o.name {
				kept = append(kept, p)
			}
		}
		if its != nil {
			its["probe"] = kept
		}
	}
	return json.Marshal(engine)
}
