// Package provisioner creates and deletes volumes for claims, as the sidecar
// external-provisioner does, with the same library. It reaches the driver through its
// socket only.
package provisioner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/sirupsen/logrus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

// Provisioner asks a driver for volumes.
type Provisioner struct {
	Driver     string
	Controller csi.ControllerClient
}

var _ controller.BlockProvisioner = (*Provisioner)(nil)

// How soon, and at the latest, what failed is tried again.
const (
	retryFirst = 500 * time.Millisecond
	retryLast  = 10 * time.Second
)

// Run serves the claims of a cluster until the context ends.
func Run(ctx context.Context, log logrus.FieldLogger, driver, socket, kubeconfig string) (err error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return fmt.Errorf("reading %s: %w", kubeconfig, err)
	}
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	// Only root can open the socket, so the connection needs no encryption.
	connection, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, connection.Close()) }()
	log.WithField("driver", driver).Info("Waiting for claims")
	controller.NewProvisionController(ctx, kube, driver, &Provisioner{driver, csi.NewControllerClient(connection)},
		controller.LeaderElection(false), controller.AddFinalizer(true),
		controller.RateLimiter(workqueue.NewTypedItemExponentialFailureRateLimiter[string](retryFirst, retryLast)),
		// Retry without a limit, because a mistake in a class may be fixed.
		controller.FailedProvisionThreshold(0), controller.FailedDeleteThreshold(0),
	).Run(ctx)
	return nil
}

// SupportsBlock allows claims to ask for a block device. The driver rejects those whose
// class has none.
func (*Provisioner) SupportsBlock(context.Context) bool { return true }

// Provision makes the volume that a claim asks for.
func (p *Provisioner) Provision(
	ctx context.Context, o controller.ProvisionOptions,
) (*corev1.PersistentVolume, controller.ProvisioningState, error) {
	capabilities, err := capabilitiesOf(o.PVC, o.StorageClass.MountOptions)
	if err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	requests, limits := o.PVC.Spec.Resources.Requests, o.PVC.Spec.Resources.Limits
	request := &csi.CreateVolumeRequest{
		Name: o.PVName, Parameters: o.StorageClass.Parameters, VolumeCapabilities: capabilities,
		CapacityRange: &csi.CapacityRange{
			RequiredBytes: requests.Storage().Value(), LimitBytes: limits.Storage().Value(),
		},
	}
	response, err := p.Controller.CreateVolume(ctx, request)
	if err != nil {
		return nil, stateAfter(err), fmt.Errorf("the driver made no volume: %w", err)
	}
	return p.volume(o, response.GetVolume()), controller.ProvisioningFinished, nil
}

// stateAfter returns the state after an error: the driver may still be creating the volume.
func stateAfter(err error) controller.ProvisioningState {
	switch status.Code(err) {
	case codes.Canceled, codes.DeadlineExceeded, codes.Unavailable, codes.ResourceExhausted, codes.Aborted:
		return controller.ProvisioningInBackground
	}
	return controller.ProvisioningFinished
}

func (p *Provisioner) volume(o controller.ProvisionOptions, made *csi.Volume) *corev1.PersistentVolume {
	mode := corev1.PersistentVolumeFilesystem
	if isBlock(o.PVC) {
		mode = corev1.PersistentVolumeBlock
	}
	capacity := resource.NewQuantity(made.GetCapacityBytes(), resource.BinarySI)
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: o.PVName},
		Spec: corev1.PersistentVolumeSpec{
			AccessModes: o.PVC.Spec.AccessModes, MountOptions: o.StorageClass.MountOptions, VolumeMode: &mode,
			PersistentVolumeReclaimPolicy: *o.StorageClass.ReclaimPolicy,
			Capacity:                      corev1.ResourceList{corev1.ResourceStorage: *capacity},
			PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{
				Driver: p.Driver, VolumeHandle: made.GetVolumeId(), VolumeAttributes: made.GetVolumeContext(),
			}},
		},
	}
}

// Delete removes the volume of a persistent volume.
func (p *Provisioner) Delete(ctx context.Context, volume *corev1.PersistentVolume) error {
	if volume.Spec.CSI == nil || volume.Spec.CSI.Driver != p.Driver {
		return &controller.IgnoredError{Reason: "it is another driver's"}
	}
	request := &csi.DeleteVolumeRequest{VolumeId: volume.Spec.CSI.VolumeHandle}
	if _, err := p.Controller.DeleteVolume(ctx, request); err != nil {
		return fmt.Errorf("the driver did not remove the volume: %w", err)
	}
	return nil
}

func isBlock(claim *corev1.PersistentVolumeClaim) bool {
	return claim.Spec.VolumeMode != nil && *claim.Spec.VolumeMode == corev1.PersistentVolumeBlock
}

// modes maps Kubernetes' access modes to those of CSI, for a driver that distinguishes
// one writer from many on a node.
func modes() map[corev1.PersistentVolumeAccessMode]csi.VolumeCapability_AccessMode_Mode {
	return map[corev1.PersistentVolumeAccessMode]csi.VolumeCapability_AccessMode_Mode{
		corev1.ReadWriteOnce:    csi.VolumeCapability_AccessMode_SINGLE_NODE_MULTI_WRITER,
		corev1.ReadWriteOncePod: csi.VolumeCapability_AccessMode_SINGLE_NODE_SINGLE_WRITER,
		corev1.ReadWriteMany:    csi.VolumeCapability_AccessMode_MULTI_NODE_MULTI_WRITER,
		corev1.ReadOnlyMany:     csi.VolumeCapability_AccessMode_MULTI_NODE_READER_ONLY,
	}
}

func capabilitiesOf(claim *corev1.PersistentVolumeClaim, mountOptions []string) ([]*csi.VolumeCapability, error) {
	var all []*csi.VolumeCapability
	for _, asked := range claim.Spec.AccessModes {
		mode, known := modes()[asked]
		if !known {
			return nil, fmt.Errorf("access mode %s is not known", asked)
		}
		c := &csi.VolumeCapability{AccessMode: &csi.VolumeCapability_AccessMode{Mode: mode}}
		if isBlock(claim) {
			c.AccessType = &csi.VolumeCapability_Block{Block: &csi.VolumeCapability_BlockVolume{}}
		} else {
			c.AccessType = &csi.VolumeCapability_Mount{Mount: &csi.VolumeCapability_MountVolume{MountFlags: mountOptions}}
		}
		all = append(all, c)
	}
	return all, nil
}
