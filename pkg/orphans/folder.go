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

// folder is a run's folder on an existing claim. It has no label; an annotation of the run's pods names its journal.
type folder struct {
	name, claim string
	// remover is the pod that deletes it.
	remover kube.PodSpec
}

// addFolder adds the folder in which a pod of the run works, if the run created it.
func (r *Run) addFolder(p corev1.Pod) {
	f, ok := folderOf(p)
	known := slices.ContainsFunc(r.folders, func(o folder) bool { return o.name == f.name && o.claim == f.claim })
	if !ok || known {
		return
	}
	r.folders = append(r.folders, f)
	r.Objects = append(r.Objects, Object{Kind: "folder", Name: f.String(), CreatedAt: p.CreationTimestamp.Time})
}

func (f folder) String() string { return f.name + " on claim " + f.claim }

// folderOf returns the folder in which a pod works. It returns false if the run did not create the folder.
func folderOf(p corev1.Pod) (folder, bool) {
	journal := p.Annotations[kube.JournalAnnotation]
	f := folder{name: path.Base(path.Dir(journal))}
	container := kube.ContainerOf(&p)
	if !strings.HasPrefix(f.name, volume.FolderPrefix) || container == nil || len(container.Command) == 0 {
		return folder{}, false
	}
	for _, v := range p.Spec.Volumes {
		if v.PersistentVolumeClaim != nil {
			f.claim = v.PersistentVolumeClaim.ClaimName
		}
	}
	settings := kube.SettingsOf(&p, container)
	settings.Labels, settings.Annotations = kube.WithoutOwnMetadata(p.Labels), kube.WithoutOwnMetadata(p.Annotations)
	f.remover = kube.PodSpec{
		Name: p.Name, Image: container.Image, ImagePullPolicy: container.ImagePullPolicy,
		Path: path.Dir(path.Dir(journal)), Claim: f.claim, JournalInOwnFolder: journal,
		Identity: kube.IdentityOf(&p), Settings: settings,
		Command: []string{container.Command[0], "remove", "--file", journal},
	}
	return f, f.claim != ""
}

// remove deletes the folder. The run's pods must have been deleted.
func (f folder) remove(ctx context.Context, client kube.Client) error {
	if err := client.RunToCompletion(ctx, client.NewPod(f.remover)); err != nil {
		return fmt.Errorf("deleting folder %s: %w", f, err)
	}
	return nil
}
