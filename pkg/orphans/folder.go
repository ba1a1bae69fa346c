package orphans

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/volume"
)

// folder is one of a run on a claim that is somebody else's. It has no label: the pod
// tells of it that was at work in it.
type folder struct {
	name, claim string
	// remover is the pod that removes it.
	remover kube.PodSpec
}

// makes takes note of the folder that a run's pod works in, if it is one of the run's own.
func (r *Run) makes(p corev1.Pod) {
	f, is := folderOf(p)
	if !is || slices.ContainsFunc(r.folders, func(other folder) bool { return other.name == f.name && other.claim == f.claim }) {
		return
	}
	r.folders = append(r.folders, f)
	r.Objects = append(r.Objects, Object{Kind: "folder", Name: f.String(), Created: p.CreationTimestamp.Time})
}

func (f folder) String() string { return f.name + " of claim " + f.claim }

// folderOf is the folder of our own that a pod works in.
func folderOf(p corev1.Pod) (folder, bool) {
	if len(p.Spec.Containers) != 1 || len(p.Spec.Containers[0].VolumeMounts) == 0 {
		return folder{}, false
	}
	c := p.Spec.Containers[0]
	at := slices.Index(c.Command, "--file") + 1
	if at == 0 || at == len(c.Command) {
		return folder{}, false
	}
	file := c.Command[at]
	f := folder{name: path.Base(path.Dir(file))}
	for _, v := range p.Spec.Volumes {
		if v.PersistentVolumeClaim != nil {
			f.claim = v.PersistentVolumeClaim.ClaimName
		}
	}
	f.remover = kube.PodSpec{
		Name: p.Name, Image: c.Image, ImagePullPolicy: c.ImagePullPolicy, Path: c.VolumeMounts[0].MountPath, Claim: f.claim,
		Command: []string{c.Command[0], "remove", "--file", file},
	}
	return f, f.claim != "" && strings.HasPrefix(f.name, volume.FolderPrefix)
}

// remove removes the folder, in a namespace where no pod of the run is left.
func (f folder) remove(ctx context.Context, in kube.Client) error {
	if err := in.RunToCompletion(ctx, in.Pod(f.remover)); err != nil {
		return fmt.Errorf("removing folder %s: %w", f, err)
	}
	return nil
}
