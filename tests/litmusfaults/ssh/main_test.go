package main

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// The arguments are those of the helper pod of node-restart, with a REBOOT_COMMAND that has options.
func TestParse_OptionsMayFollowTheAddress(t *testing.T) {
	r, err := parse([]string{
		"-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-i", "/data/ssh-privatekey",
		"root@10.213.0.11", "-o", "ServerAliveInterval=2", "-o", "ServerAliveCountMax=1", "sync", "-f",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := request{
		user: "root", address: "10.213.0.11", keyFile: "/data/ssh-privatekey", command: "sync -f",
		aliveInterval: 2 * time.Second, aliveCount: 1,
	}
	if r != want {
		t.Errorf("got %+v, want %+v", r, want)
	}
	for _, args := range [][]string{{"root@10.213.0.11"}, {"10.213.0.11", "true"}, {"-o", "Port=1", "a@b", "true"}} {
		if _, err := parse(args); err == nil {
			t.Errorf("%q: want an error", args)
		}
	}
}

// The kernel accepts the connection, and nothing answers.
func TestConnect_EndsIfTheServerIsSilent(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	config := &ssh.ClientConfig{HostKeyCallback: ssh.InsecureIgnoreHostKey()}
	_, _, err = connect(listener.Addr().String(), 100*time.Millisecond, config)
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v, want %v", err, os.ErrDeadlineExceeded)
	}
}
