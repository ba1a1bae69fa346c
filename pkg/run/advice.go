package run

import (
	"errors"
	"io/fs"
	"syscall"

	corev1 "k8s.io/api/core/v1"

	"github.com/volume-durability/volume-durability/pkg/advice"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/protocol"
)

// advice returns what to do about an error of a pod of the cell, as the end of a sentence; empty if there is no advice.
func (s specs) advice(err error) string {
	var opErr protocol.OpError
	switch isHelper := errors.As(err, &opErr); {
	case advice.IsIn(err.Error()):
		return ""
	case isHelper && s.isBlock() && errors.Is(opErr, fs.ErrPermission):
		return advice.Sentence(kube.DeviceOwnershipAdvice)
	case isHelper && errors.Is(opErr, syscall.EACCES):
		return s.permissionAdvice()
	}
	return kube.Hint(err.Error())
}

// permissionAdvice returns what to do if the helper has no permission to use the root of a filesystem, as the end of a
// sentence.
func (s specs) permissionAdvice() string {
	const setOwner = "set RUN_AS_USER to the user that owns the root of the volume"
	switch plan := s.cell.Spec; {
	case plan.VolumeSource == options.EmptyDir:
		return "" // the kubelet lets every user write there
	case plan.ExistingClaim != "":
		return advice.Sentence(setOwner + ", or SUPPLEMENTAL_GROUPS to a group that may write there")
	case plan.AccessMode == corev1.ReadWriteOncePod:
		return ". Kubernetes before 1.32 does not apply fsGroup to a ReadWriteOncePod volume (kubernetes#127170), unless " +
			"fsGroupPolicy of the CSIDriver is File" +
			advice.Sentence("set ACCESS_MODE=ReadWriteOnce, or RUN_AS_USER to the user that owns the root of the volume")
	}
	return ". The CSI driver may not apply fsGroup: kubectl get csidrivers -o " +
		"custom-columns=NAME:.metadata.name,POLICY:.spec.fsGroupPolicy" + advice.Sentence(setOwner)
}
