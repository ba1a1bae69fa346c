package kube

// DeviceOwnershipAdvice is the advice if the user of a pod may not open a raw block device. A container runtime
// leaves the device to root by default.
const DeviceOwnershipAdvice = "set device_ownership_from_security_context = true on every node, in the CRI plugin of " +
	"containerd (config.toml) or in [crio.runtime] of CRI-O, and restart it; or set SUPPLEMENTAL_GROUPS to the " +
	"group that owns the device on the nodes"
