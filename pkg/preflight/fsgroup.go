package preflight

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/version"

	"github.com/volume-durability/volume-durability/pkg/advice"
	"github.com/volume-durability/volume-durability/pkg/options"
)

// fsGroupFixed is the first version of Kubernetes that applies fsGroup to ReadWriteOncePod volumes
// (kubernetes#127170).
var fsGroupFixed = version.MustParseGeneric("1.32.0")

// checkFSGroup returns a warning if this version of Kubernetes may not apply the run's fsGroup, and nothing otherwise.
func checkFSGroup(server string, opts options.Values) []Check {
	running, err := version.ParseGeneric(server)
	creates := opts.VolumeSource == options.Claim && opts.ExistingClaim == "" && opts.FSGroup != nil &&
		slices.Contains(opts.VolumeModes, corev1.PersistentVolumeFilesystem)
	if err != nil || !creates || !slices.Contains(opts.AccessModes, corev1.ReadWriteOncePod) ||
		running.AtLeast(fsGroupFixed) {
		return nil
	}
	return []Check{{"fsGroup", Warning, "Kubernetes before 1.32 does not apply fsGroup to a ReadWriteOncePod volume " +
		"(kubernetes#127170), unless fsGroupPolicy of the CSIDriver is File: the writer may have no permission" +
		advice.Sentence("set ACCESS_MODE=ReadWriteOnce, or RUN_AS_USER to the user that owns the root of the volume")}}
}
