package main

// freePort is a shell command that prints a free port.
const freePort = "python3 -c 'import socket; s = socket.socket(); s.bind((\"127.0.0.1\", 0)); print(s.getsockname()[1])'"

// connect is a shell command that succeeds if something listens on a port.
func connect(port string) string {
	return "python3 -c 'import socket, sys; socket.create_connection((\"127.0.0.1\", int(sys.argv[1])))' " + port
}
