package main

// overlays returns overlayfs on the disk.
func overlays() []Backend {
	overlay := func(name, options string) Backend {
		mount := "mkdir -p $STORE/lower $STORE/upper $STORE/index; rm -rf $STORE/index/*/incompat; " +
			"mount -t overlay overlay -o lowerdir=$STORE/lower,upperdir=$STORE/upper,workdir=$STORE/index" + options + " $MNT"
		return Backend{Name: name, Package: "mount", Kernel: true, Mount: mount}
	}
	volatile := overlay("overlayfs, volatile", ",volatile")
	volatile.Options = "volatile"
	volatile.Documented = "with volatile, no sync reaches the upper filesystem, so data may be lost in a crash"
	volatile.Source = "https://docs.kernel.org/filesystems/overlayfs.html#volatile-mount"
	volatile.Advice = "mount without `volatile`"
	return []Backend{overlay("overlayfs", ""), volatile}
}
