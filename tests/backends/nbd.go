package main

// nbds returns nbd-server with its default options, and with those that make clients flush.
func nbds() []Backend {
	server := func(name, options, lines string) Backend {
		return Backend{
			Name: name, Package: "nbd-server", Options: options,
			Machines: &Machines{
				Modules: []string{"nbd"},
				Serve: imageOnDisk + "printf '[generic]\\n[storage]\\nexportname = %s\\n" + lines +
					"' $DISK/image >/run/nbd\nnbd-server -C /run/nbd",
				Attach: "until_true nbd-client -N storage $SERVER /dev/nbd0",
				Format: "mkfs.ext4 -q /dev/nbd0", Mount: "mount /dev/nbd0 $MNT",
			},
		}
	}
	lies := server("nbd-server, defaults", "", "")
	lies.Documented = "if flush is set, clients send flush requests, which is more reliable after an unclean shutdown"
	lies.Source = "https://manpages.debian.org/bookworm/nbd-server/nbd-server.5.en.html"
	lies.Advice = "set `flush = true` and `fua = true`; otherwise the client does not flush"
	return []Backend{lies, server("nbd-server, flush and fua", "flush = true, fua = true", "flush = true\\nfua = true\\n")}
}
