package command

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
	clienttesting "k8s.io/client-go/testing"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/terminal"
	"github.com/volume-durability/volume-durability/pkg/bundlestore"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/tests/samples"
)

func TestChooseFolder_ChangesNothing(t *testing.T) {
	home := t.TempDir()
	t.Chdir(home)
	empty, file := filepath.Join(home, "empty"), filepath.Join(home, "file")
	require.NoError(t, os.Mkdir(empty, 0o700))
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, folder := range []string{"", empty, "deep/er", filepath.Join(home, "new")} {
		assert.NoError(t, (&runCommand{folder: folder}).chooseFolder(runSpec{id: "r"}), folder)
	}
	entries, err := os.ReadDir(home)
	require.NoError(t, err)
	assert.Len(t, entries, 2, "nothing was created")
	assert.DirExists(t, empty)

	for _, folder := range []string{home, file, filepath.Join(file, "under")} {
		err := (&runCommand{folder: folder}).chooseFolder(runSpec{id: "r"})
		assert.ErrorContains(t, err, "--bundle "+folder+": want a ", folder)
	}
	t.Chdir(empty)
	assert.NoError(t, (&runCommand{folder: "."}).chooseFolder(runSpec{id: "r"}))
}

func TestUnknownRule_IsReportedBeforeAnythingElse(t *testing.T) {
	for _, args := range [][]string{
		{"run", "--rule", "V-9", "--kubeconfig", "none"},
		{"report", "--rule", "V-9", "-o", "ckl", "none"},
	} {
		code, out, errOut := execute(t, args...)
		assert.Equal(t, terminal.ExitError, code, args)
		assert.Empty(t, out, args)
		assert.Contains(t, errOut, `unknown rule "V-9": want one of `, args)
		assert.NotContains(t, errOut, "none", args)
	}
}

func TestRunReport_EvidenceThatCannotBeWrittenIsNeverASuccess(t *testing.T) {
	used := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(used, "file"), nil, 0o600))
	forbidden := fake.NewClientset()
	forbidden.PrependReactor("create", "configmaps", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(corev1.Resource("configmaps"), "b", errors.New("no access"))
	})
	for name, c := range map[string]struct {
		command runCommand
		out     io.Writer
	}{
		"the folder is used":          {runCommand{folder: used}, io.Discard},
		"the ConfigMap is forbidden":  {runCommand{folder: "new", keepInCluster: true}, io.Discard},
		"nothing reads the result":    {runCommand{folder: "new"}, failingWriter{}},
		"the rule is unknown somehow": {runCommand{folder: "new", rule: "V-9"}, io.Discard},
	} {
		for verdict, want := range map[judge.Verdict]int{
			judge.Pass: terminal.ExitError, judge.Fail: terminal.ExitFail, judge.Stopped: terminal.ExitInterrupted,
		} {
			t.Run(name+", "+string(verdict), func(t *testing.T) {
				t.Chdir(t.TempDir())
				c.command.streams = Streams{Out: c.out, ErrOut: io.Discard}
				outcome := samples.Pass()
				outcome.Verdict = verdict
				spec := runSpec{id: "r", options: options.Defaults(), cluster: connection{client: forbidden}}
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				code := terminal.ReportError(ctx, c.command.report(ctx, spec, outcome), io.Discard)
				assert.Equal(t, want, code)
			})
		}
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestCheckStore_ReportsOnlyRejections(t *testing.T) {
	maps := corev1.Resource("configmaps")
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"accepted":                             {nil, ""},
		"a name that is used":                  {apierrors.NewAlreadyExists(maps, "b"), "cannot be saved: ConfigMap stig/b"},
		"a webhook that supports no dry run":   {apierrors.NewBadRequest("no dry run"), ""},
		"an API server that is not available ": {apierrors.NewServiceUnavailable("starting"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			client := fake.NewClientset()
			client.PrependReactor("create", "configmaps", func(clienttesting.Action) (bool, runtime.Object, error) {
				return true, nil, c.err
			})
			log := logrus.New()
			log.SetOutput(t.Output())
			store := bundlestore.Store{Client: client, Namespace: "stig"}
			err := checkStore(t.Context(), store, "b", 100*time.Millisecond, log)
			if c.want == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, c.want)
			}
		})
	}
}

func TestRun_BundleThatTheClusterRejectsIsReportedBeforeTheRun(t *testing.T) {
	t.Chdir(t.TempDir())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == accessReviews {
			_, err := io.WriteString(w, `{"status": {"allowed": true}}`)
			assert.NoError(t, err)
			return
		}
		if r.Method == http.MethodPost {
			assert.Equal(t, "/api/v1/namespaces/stig/configmaps", r.URL.Path, "nothing else may be created")
			assert.Equal(t, "All", r.URL.Query().Get("dryRun"))
			exists := apierrors.NewAlreadyExists(corev1.Resource("configmaps"), "mine").Status()
			w.WriteHeader(int(exists.Code))
			assert.NoError(t, json.NewEncoder(w).Encode(exists))
			return
		}
		_, err := io.WriteString(w, `{"major": "1", "minor": "37", "gitVersion": "v1.37.0"}`)
		assert.NoError(t, err)
	}))
	defer server.Close()
	code, out, errOut := execute(t,
		"run", "--yes", "--server", server.URL, "--bundle-configmap", "mine", "--lib-image", "i")
	assert.Equal(t, terminal.ExitError, code)
	assert.Empty(t, out)
	assert.Contains(t, errOut, `the evidence bundle of the run cannot be saved: ConfigMap stig/mine could not be created`)
}

// accessReviews is the path at which a user asks for permissions.
const accessReviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"

// Each of these makes a run impossible. The user hears of it before the question, and nothing is left behind.
func TestRun_ChecksBeforeTheQuestion(t *testing.T) {
	used, err := net.Listen("tcp", "localhost:0")
	require.NoError(t, err)
	defer used.Close()
	for name, c := range map[string]struct {
		namespace bool
		denied    string
		args      []string
		want      string
	}{
		"namespace": {
			want: "namespace stig does not exist. To fix this: kubectl create namespace stig",
		},
		"rights": {
			namespace: true, denied: "create pods",
			want: "you are not allowed to create pods in namespace stig. To fix this: grant the permissions in rbac.yaml",
		},
		"right on claims": {
			namespace: true, denied: "create persistentvolumeclaims",
			want: "you are not allowed to create persistentvolumeclaims in namespace stig",
		},
		"a claim that exists": {
			namespace: true, denied: "create persistentvolumeclaims", args: []string{"--existing-claim", "mine"},
			want: "cannot ask for confirmation",
		},
		"metrics address": {
			namespace: true, args: []string{"--metrics-address", used.Addr().String()},
			want: "--metrics-address (METRICS_ADDRESS) ",
		},
		"all is well": {namespace: true, want: "cannot ask for confirmation"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				var answer any = map[string]string{"major": "1", "minor": "37", "gitVersion": "v1.37.0"}
				switch {
				case r.URL.Path == accessReviews:
					body, err := io.ReadAll(r.Body)
					assert.NoError(t, err)
					decoded, _, err := scheme.Codecs.UniversalDeserializer().Decode(body, nil, nil)
					if !assert.NoError(t, err) {
						return
					}
					review, _ := decoded.(*authorizationv1.SelfSubjectAccessReview)
					asked := review.Spec.ResourceAttributes
					review.Status.Allowed = asked.Verb+" "+asked.Resource != c.denied
					answer = review
				case r.Method != http.MethodGet:
					assert.Fail(t, "nothing may be created", r.URL.Path)
				case r.URL.Path == "/api/v1/namespaces/stig" && !c.namespace:
					missing := apierrors.NewNotFound(corev1.Resource("namespaces"), "stig").Status()
					w.WriteHeader(int(missing.Code))
					answer = missing
				}
				assert.NoError(t, json.NewEncoder(w).Encode(answer))
			}))
			defer server.Close()
			code, out, errOut := execute(t, append([]string{"run", "--server", server.URL, "--lib-image", "i"}, c.args...)...)
			assert.Equal(t, terminal.ExitError, code)
			assert.Empty(t, out)
			assert.Contains(t, errOut, c.want)
			entries, err := os.ReadDir(".")
			require.NoError(t, err)
			assert.Empty(t, entries, "no evidence bundle")
		})
	}
}
