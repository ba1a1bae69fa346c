package options

// OptionOf returns the name of the option that sets a field of Values, which has this name in JSON.
func OptionOf(field string) string { return optionOfField[field] }

var optionOfField = map[string]string{
	"duration": "TOTAL_CHAOS_DURATION", "interval": "CHAOS_INTERVAL", "minInterval": "CHAOS_INTERVAL",
	"randomness": "RANDOMNESS", "rampTime": "RAMP_TIME", "force": "FORCE", "serial": "SEQUENCE",
	"targetPods": "TARGET_PODS", "affectedPercent": "PODS_AFFECTED_PERC",
	"namespace": NamespaceOption, "volumeSource": "VOLUME_SOURCE", "storageClasses": "STORAGE_CLASSES",
	"existingClaim": "EXISTING_CLAIM", "allowRelabel": "ALLOW_RELABEL",
	"claimName": "CLAIM_NAME", "claimSize": "CLAIM_SIZE", "claimTemplate": "CLAIM_TEMPLATE",
	"accessModes": "ACCESS_MODE", "volumeModes": "VOLUME_MODE",
	"writerPod": "WRITER_POD", "readerPod": "READER_POD", "writerNode": "WRITER_NODE", "readerNodes": "READER_NODE",
	"parallelCells": "PARALLEL_CELLS", "maxCells": "MAX_CELLS", "keep": "KEEP",
	"requiredEvidence": "REQUIRED_EVIDENCE", "maxRecovery": MaxRecoveryOption, "maxCommitP99": MaxCommitP99Option,
	"maxCommit": MaxCommitOption, "minRate": MinRateOption,
	"negativeControl": "NEGATIVE_CONTROL", "metricsAddress": MetricsAddressOption, "bundleConfigMap": "BUNDLE_CONFIGMAP",
	"journalFile": "JOURNAL_FILE", "recordSize": "RECORD_SIZE", "writeRate": "WRITE_RATE",
	"writePatterns": "WRITE_PATTERN", "writeObjects": "WRITE_OBJECTS",
	"image": "LIB_IMAGE", "imagePullPolicy": "LIB_IMAGE_PULL_POLICY", "orchestrator": "ORCHESTRATOR",
	"runAsUser": "RUN_AS_USER", "runAsGroup": "RUN_AS_GROUP", "supplementalGroups": "SUPPLEMENTAL_GROUPS",
	"fsGroup": "FS_GROUP", "imagePullSecrets": "IMAGE_PULL_SECRETS", "tolerations": "TOLERATIONS",
	"nodeSelector": "NODE_SELECTOR", "priorityClass": "PRIORITY_CLASS", "runtimeClass": "RUNTIME_CLASS",
	"resourceRequests": "RESOURCE_REQUESTS", "resourceLimits": "RESOURCE_LIMITS",
	"podLabels": "POD_LABELS", "podAnnotations": "POD_ANNOTATIONS", "copiedAnnotations": "POD_ANNOTATIONS",
	"podTemplate": "POD_TEMPLATE", "statusTimeout": "STATUS_CHECK_TIMEOUT", "verifyTimeout": "VERIFY_TIMEOUT",
}
