package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/volume-durability/volume-durability/pkg/bundle"
	"github.com/volume-durability/volume-durability/pkg/bundlestore"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/report/html"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// The form that a browser shows, and its file.
const (
	formHTML = "html"
	pageFile = "report.html"
)

// forms are the short names of a bundle's files.
func forms() map[string]string {
	return map[string]string{
		formHTML: pageFile, "junit": "junit.xml", "ckl": "checklist.ckl", "cklb": "checklist.cklb", "oscal": "assessment-results.json",
		"json": bundle.ResultFile, "ledger": "ledger.json", "scan": "scan.json", "manifest": bundle.ManifestFile,
	}
}

// reportCommand is what was asked of the command report.
type reportCommand struct {
	streams       Streams
	cluster       clusterFlags
	form, to      string
	everywhere    bool
	rule, asset   string
	listingFormat formatFlag
}

func newReport(streams Streams) *cobra.Command {
	r := &reportCommand{streams: streams, cluster: newClusterFlags()}
	c := &cobra.Command{
		Use: "report [RUN | FOLDER]...", Short: "Show the evidence of a run, in any of its forms", Args: cobra.ArbitraryArgs, ValidArgsFunction: evidenceKept,
		Long: `Show the evidence of a run, in any of its forms.

The run is a folder that run left, a packed bundle (.tar.gz), a result.json, or evidence
in the cluster: its name or the run's id. Without one it is the newest folder of a run
in the working directory, else the newest evidence in the cluster. Evidence that is not
as its manifest says is not shown: the exit code is 2. With --form html, several runs
are shown on one page, in the order in which they are named.`,
		Example: `  volume-durability report
  volume-durability report volume-durability-5f6c --form cklb --to checklist.cklb
  volume-durability report 5f6c --to evidence/        # fetch all of it from the cluster
  volume-durability report before after --form html --to both.html`,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 1 && r.form != formHTML {
				return fmt.Errorf("want one run, or --form %s: no other form shows several, and %d are named", formHTML, len(args))
			}
			shown, err := r.findAll(c.Context(), args)
			if err != nil {
				return err
			}
			return r.show(shown)
		},
	}
	flags := newGroup("Flags")
	names := make([]string, 0, len(forms())+2)
	for name := range forms() {
		names = append(names, name)
	}
	names = append(names, formatTable, formatYAML)
	slices.Sort(names)
	flags.StringVarP(&r.form, "form", "o", "", "the form: "+strings.Join(names, ", ")+", or the name of a file in the evidence (default what run says in the end)")
	flags.StringVar(&r.to, "to", "", "file to write it to; without --form, folder to write all of the evidence to")
	addReading(flags.FlagSet, &r.rule, &r.asset)
	groups(c, flags, clusterGroup(r.cluster))
	c.AddCommand(r.newList(), r.newOpen())
	return c
}

// found is evidence, and where it was found.
type found struct {
	bundle.Bundle
	from string
}

// findAll finds the evidence of every run that is named, or of the newest where none is.
func (r *reportCommand) findAll(ctx context.Context, wanted []string) ([]found, error) {
	if len(wanted) == 0 {
		newest, err := newestFolder(".")
		if err != nil {
			return nil, err
		}
		wanted = []string{newest}
	}
	var all []found
	for _, one := range wanted {
		b, from, err := r.find(ctx, one)
		if err != nil {
			return nil, err
		}
		all = append(all, found{b, from})
	}
	return all, nil
}

// find finds the evidence, and verifies it. Nothing wanted is the newest in the cluster.
func (r *reportCommand) find(ctx context.Context, wanted string) (b bundle.Bundle, from string, err error) {
	from = wanted
	if info, statErr := os.Stat(from); from != "" && statErr == nil {
		b, err = local(from, info, bundle.Options{Rule: r.rule, Asset: r.asset})
	} else {
		b, from, err = r.fetch(ctx, from)
	}
	if err != nil {
		return bundle.Bundle{}, from, err
	}
	if err := b.Verify(); err != nil {
		return bundle.Bundle{}, from, fmt.Errorf("the evidence in %s is not as its manifest says: %w", from, err)
	}
	if r.rule == "" && r.asset == "" {
		return b, from, nil
	}
	if !slices.Contains([]string{"ckl", "cklb", "oscal"}, r.form) {
		return bundle.Bundle{}, from, errors.New("--rule and --asset: want --form ckl, cklb or oscal too: nothing else depends on them")
	}
	// Another reading of the same result.
	result, err := b.Result()
	if err != nil {
		return bundle.Bundle{}, from, err
	}
	b, err = bundle.Make(result, bundle.Options{Rule: r.rule, Asset: r.asset, Where: from})
	return b, from, err
}

// local reads evidence from this machine.
func local(path string, info os.FileInfo, o bundle.Options) (bundle.Bundle, error) {
	if info.IsDir() {
		return folderOf(path)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return bundle.Bundle{}, err
	}
	if !strings.HasSuffix(path, ".json") {
		b, err := bundle.Unpack(content)
		if err != nil {
			return bundle.Bundle{}, fmt.Errorf("%s: want a folder of evidence, a packed bundle (.tar.gz) or a result.json: %w", path, err)
		}
		return b, nil
	}
	var result result.Result
	if err := json.Unmarshal(content, &result); err != nil || result.Schema != result.Schema {
		return bundle.Bundle{}, errors.Join(fmt.Errorf("%s: want a result of schema %q, it has %q", path, result.Schema, result.Schema), err)
	}
	return bundle.Make(result, o)
}

// folderOf reads the evidence in a folder. Another folder is not read as a whole only to be refused.
func folderOf(path string) (bundle.Bundle, error) {
	if _, err := os.Stat(filepath.Join(path, bundle.ManifestFile)); err != nil {
		return bundle.Bundle{}, fmt.Errorf("%s is no evidence: %w", path, err)
	}
	return bundle.ReadFolder(path)
}

// newestFolder is the newest folder of a run in a folder, or the folder itself where it
// is one; empty where there is none.
func newestFolder(in string) (string, error) {
	if _, err := os.Stat(filepath.Join(in, bundle.ManifestFile)); err == nil {
		return in, nil
	}
	manifests, err := filepath.Glob(filepath.Join(in, "volume-durability-*", bundle.ManifestFile))
	if err != nil {
		return "", err
	}
	newest, at := "", time.Time{}
	for _, m := range manifests {
		if info, err := os.Stat(m); err == nil && info.ModTime().After(at) {
			newest, at = filepath.Dir(m), info.ModTime()
		}
	}
	return newest, nil
}

// fetch gets evidence from the cluster: that of a name or of a run's id, or the newest.
func (r *reportCommand) fetch(ctx context.Context, wanted string) (bundle.Bundle, string, error) {
	c, err := r.cluster.connect()
	if err != nil {
		return bundle.Bundle{}, wanted, err
	}
	a := bundlestore.Store{Client: c.client, Namespace: r.cluster.namespace()}
	kept, err := a.List(ctx)
	switch {
	case err != nil && wanted == "":
		return bundle.Bundle{}, wanted, fmt.Errorf("there is no evidence in this folder, and what the cluster has cannot be seen: %w", err)
	case err != nil:
		return bundle.Bundle{}, wanted, fmt.Errorf("%s is no folder and no file, and whether it is evidence in the cluster cannot be seen: %w", wanted, err)
	}
	found := ofRun(kept, wanted)
	switch {
	case wanted == "" && len(found) == 0:
		return bundle.Bundle{}, wanted, fmt.Errorf("there is no evidence in this folder, nor in namespace %s of %s", a.Namespace, c)
	case len(found) == 0:
		return bundle.Bundle{}, wanted, fmt.Errorf("%s is no folder, no file, and no evidence in namespace %s of %s: report list shows what there is", wanted, a.Namespace, c)
	case wanted != "" && len(found) > 1:
		return bundle.Bundle{}, wanted, fmt.Errorf("%s is the beginning of several: %s", wanted, strings.Join(found, ", "))
	}
	b, err := a.Load(ctx, found[0])
	return b, "ConfigMap " + a.Namespace + "/" + found[0], err
}

// ofRun are the names of the evidence that is wanted: the one of that name, else what is
// of a run whose id begins so. Nothing wanted is all.
func ofRun(kept []metav1.ObjectMeta, wanted string) []string {
	var found []string
	for _, k := range kept {
		if k.Name == wanted {
			return []string{wanted}
		}
		if strings.HasPrefix(k.Labels[kube.RunLabel], wanted) {
			found = append(found, k.Name)
		}
	}
	return found
}

// show writes the evidence in the form that was asked for.
func (r *reportCommand) show(shown []found) error {
	for _, f := range shown {
		fmt.Fprintf(r.streams.ErrOut, "Evidence   %s, as its manifest says\n", f.from)
	}
	if r.form == "" && r.to != "" {
		if err := shown[0].Write(r.to); err != nil {
			return err
		}
		fmt.Fprintf(r.streams.ErrOut, "Written to %s\n", r.to)
		return nil
	}
	content, err := r.contentOf(shown)
	if err != nil {
		return err
	}
	if r.to != "" {
		return os.WriteFile(r.to, content, 0o644)
	}
	_, err = r.streams.Out.Write(content)
	return err
}

// contentOf is one run's evidence in the form that was asked for, or the page of several.
func (r *reportCommand) contentOf(shown []found) ([]byte, error) {
	if len(shown) > 1 {
		return pageOf(shown)
	}
	return r.content(shown[0].Bundle)
}

// pageOf is the page in the evidence of a run, or one of several runs.
func pageOf(shown []found) ([]byte, error) {
	if len(shown) == 1 {
		return shown[0].File(pageFile)
	}
	var results []result.Result
	for _, f := range shown {
		result, err := f.Result()
		if err != nil {
			return nil, fmt.Errorf("the evidence in %s: %w", f.from, err)
		}
		results = append(results, result)
	}
	return html.RenderAll(results...)
}

// content is the evidence in the form that was asked for.
func (r *reportCommand) content(b bundle.Bundle) ([]byte, error) {
	switch r.form {
	case "", formatTable, formatYAML:
		result, err := b.Result()
		if err != nil {
			return nil, err
		}
		var text strings.Builder
		err = (&formatFlag{value: r.form}).show(&text, result)
		return []byte(text.String()), err
	}
	name := r.form
	if file, known := forms()[r.form]; known {
		name = file
	}
	content, err := b.File(name)
	if err != nil {
		var there []string
		for _, f := range b.Files {
			there = append(there, f.Name)
		}
		return nil, fmt.Errorf("--form %s: %w; it holds %s", r.form, err, strings.Join(there, ", "))
	}
	return content, nil
}

// newList lists the evidence in the cluster.
func (r *reportCommand) newList() *cobra.Command {
	c := &cobra.Command{
		Use: "list", Short: "List the evidence that is kept in the cluster, the newest first", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return r.list(c.Context()) },
	}
	flags, cluster := newGroup("Flags"), newClusterFlags()
	flags.BoolVarP(&r.everywhere, "all-namespaces", "A", false, "in all namespaces")
	r.listingFormat.addTo(flags.FlagSet, formatJSON, formatYAML)
	groups(c, flags, clusterGroup(cluster))
	c.PreRun = func(*cobra.Command, []string) { r.cluster = cluster }
	return c
}

// kept is one bundle in the cluster.
type kept struct {
	Namespace string    `json:"namespace"`
	Name      string    `json:"name"`
	Run       string    `json:"run"`
	Verdict   string    `json:"verdict"`
	Created   time.Time `json:"created"`
}

func (r *reportCommand) list(ctx context.Context) error {
	cluster, err := r.cluster.connect()
	if err != nil {
		return err
	}
	namespace := r.cluster.namespace()
	if r.everywhere {
		namespace = metav1.NamespaceAll
	}
	maps, err := cluster.client.CoreV1().ConfigMaps(namespace).List(ctx, metav1.ListOptions{LabelSelector: bundlestore.Label + "=1"})
	if err != nil {
		return fmt.Errorf("listing the evidence in %s: %w", cluster, err)
	}
	all := []kept{}
	for _, m := range maps.Items {
		k := kept{Namespace: m.Namespace, Name: m.Name, Created: m.CreationTimestamp.Time}
		var manifest bundle.Manifest
		if json.Unmarshal([]byte(m.Data[bundle.ManifestFile]), &manifest) == nil { // one that is too large is not beside it
			k.Run, k.Verdict = manifest.RunID, string(manifest.Verdict)
		}
		all = append(all, k)
	}
	slices.SortStableFunc(all, func(x, y kept) int { return y.Created.Compare(x.Created) })
	if len(all) == 0 && r.listingFormat.value == "" {
		where := "namespace " + namespace
		if r.everywhere {
			where = "any namespace"
		}
		fmt.Fprintf(r.streams.ErrOut, "There is no evidence in %s of %s.\n", where, cluster)
		return nil
	}
	return r.listingFormat.write(r.streams.Out, all, func() (string, error) { return tableOf(all, time.Now()) })
}

func tableOf(all []kept, now time.Time) (string, error) {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAMESPACE\tNAME\tRUN\tVERDICT\tAGE")
	for _, k := range all {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", k.Namespace, k.Name, k.Run, k.Verdict, duration.HumanDuration(now.Sub(k.Created)))
	}
	err := w.Flush()
	return text.String(), err
}

// newOpen opens the page of a run in the browser.
func (r *reportCommand) newOpen() *cobra.Command {
	c := &cobra.Command{
		Use: "open [RUN | FOLDER]...", Short: "Open the page of a run in the browser, or one page of several", Args: cobra.ArbitraryArgs, ValidArgsFunction: evidenceKept,
	}
	cluster := newClusterFlags()
	groups(c, clusterGroup(cluster))
	c.RunE = func(c *cobra.Command, args []string) error {
		r.cluster = cluster
		shown, err := r.findAll(c.Context(), args)
		if err != nil {
			return err
		}
		return r.open(c.Context(), shown)
	}
	return c
}

// open hands the page to the system's opener. What is not in a folder is put into one,
// which stays for as long as somebody may look.
func (r *reportCommand) open(ctx context.Context, shown []found) error {
	file := filepath.Join(shown[0].from, pageFile)
	if _, err := os.Stat(file); err != nil || len(shown) > 1 {
		if file, err = aside(shown); err != nil {
			return err
		}
	}
	fmt.Fprintln(r.streams.ErrOut, "Opening", file)
	program := opener(runtime.GOOS)
	if output, err := exec.CommandContext(ctx, program[0], append(program[1:], file)...).CombinedOutput(); err != nil {
		said := strings.Join(strings.FieldsFunc(string(output), func(r rune) bool { return r == '\n' }), "; ")
		return fmt.Errorf("opening %s with %s: %w: %s", file, program[0], err, said)
	}
	return nil
}

// aside writes the page into a folder of its own.
func aside(shown []found) (file string, err error) {
	content, err := pageOf(shown)
	if err != nil {
		return "", fmt.Errorf("opening the page of %s: %w", shown[0].from, err)
	}
	folder, err := os.MkdirTemp("", "volume-durability-")
	if err != nil {
		return "", err
	}
	file = filepath.Join(folder, pageFile)
	return file, os.WriteFile(file, content, 0o600)
}

// opener is what opens a file on a system.
func opener(system string) []string {
	switch system {
	case "darwin":
		return []string{"open"}
	case "windows":
		return []string{"rundll32", "url.dll,FileProtocolHandler"}
	default:
		return []string{"xdg-open"}
	}
}
