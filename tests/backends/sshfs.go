package main

// sshfs runs the SFTP server of OpenSSH without a connection: the server is a child of sshfs.
func sshfs() Backend {
	const mount = "sshfs -f -o ssh_command=$WORK/server localhost:$STORE "
	return Backend{
		Name: "sshfs", Package: "sshfs", Packages: []string{"openssh-sftp-server"},
		Setup:  "printf '#!/bin/sh\\nexec /usr/lib/openssh/sftp-server\\n' >$WORK/server; chmod +x $WORK/server",
		Mount:  mount + "$MNT",
		Second: mount + "$OTHER",
	}
}
