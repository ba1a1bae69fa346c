package run

import (
	"errors"
	"syscall"

	corev1 "k8s.io/api/core/v1"

	"github.com/volume-durability/volume-durability/pkg/result"
)

// permissionHint returns what to do if the helper has no permission to write to the root of the volume, as the end of
// a sentence. It returns an empty string for other errors.
func permissionHint(err error, cell *result.Cell) string {
	plan := cell.Spec
	switch {
	case !errors.Is(err, syscall.EACCES) || plan.VolumeMode == corev1.PersistentVolumeBlock:
		return ""
	case plan.ExistingClaim != "":
		return ". To fix this: set RUN_AS_USER to the user that owns the root of the volume, or SUPPLEMENTAL_GROUPS to " +
			"a group that may write there"
	case plan.AccessMode == corev1.ReadWriteOncePod:
		return ". Kubernetes before 1.32 does not apply fsGroup to a ReadWriteOncePod volume (kubernetes#127170), unless " +
			"fsGroupPolicy of the CSIDriver is File. To fix this: set ACCESS_MODE=ReadWriteOnce, or RUN_AS_USER to the user " +
			"that owns the root of the volume"
	}
	return ". The CSI driver may not apply fsGroup: kubectl get csidrivers -o " +
		"custom-columns=NAME:.metadata.name,POLICY:.spec.fsGroupPolicy. To fix this: set RUN_AS_USER to the user that " +
		"owns the root of the volume"
}
