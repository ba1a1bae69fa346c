// Command ssh runs a command on another machine, for the fault node-restart, which calls ssh(1) in its helper pod. It
// has the options that the fault and its documentation use. It does not check the key of the server, because the fault
// sets StrictHostKeyChecking=no.
//
//	ssh [-o OPTION=VALUE] [-i FILE] USER@ADDRESS [-o OPTION=VALUE] COMMAND ...
package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "ssh:", err)
		os.Exit(255)
	}
}

// request is what the arguments ask for.
type request struct {
	user, address, keyFile, command string
	// aliveInterval and aliveCount are ServerAliveInterval and ServerAliveCountMax of ssh_config(5).
	aliveInterval time.Duration
	aliveCount    int
}

// parse reads the arguments. Options may follow the address.
func parse(args []string) (request, error) {
	r := request{aliveCount: 3}
	for ; len(args) > 0; args = args[1:] {
		switch {
		case (args[0] == "-o" || args[0] == "-i") && len(args) > 1:
			if err := r.set(args[0], args[1]); err != nil {
				return r, err
			}
			args = args[1:]
		case strings.HasPrefix(args[0], "-"):
			return r, fmt.Errorf("unknown option %s", args[0])
		case r.address == "":
			var found bool
			if r.user, r.address, found = strings.Cut(args[0], "@"); !found {
				return r, fmt.Errorf("%q: want USER@ADDRESS", args[0])
			}
		default:
			r.command = strings.Join(args, " ")
			return r, nil
		}
	}
	return r, errors.New("want an address and a command")
}

func (r *request) set(option, value string) error {
	if option == "-i" {
		r.keyFile = value
		return nil
	}
	name, value, _ := strings.Cut(value, "=")
	switch name {
	case "StrictHostKeyChecking", "UserKnownHostsFile": // the key of the server is never checked
		return nil
	case "ServerAliveInterval", "ServerAliveCountMax":
		number, err := strconv.Atoi(value)
		if err != nil {
			return fmt.Errorf("option %s: %w", name, err)
		}
		if name == "ServerAliveInterval" {
			r.aliveInterval = time.Duration(number) * time.Second
		} else {
			r.aliveCount = number
		}
		return nil
	}
	return fmt.Errorf("unknown option %s", name)
}

// connectPatience is how long the server may take to accept the connection, and then to open a session.
const connectPatience = 30 * time.Second

func run(args []string) error {
	r, err := parse(args)
	if err != nil {
		return err
	}
	key, err := os.ReadFile(r.keyFile)
	if err != nil {
		return err
	}
	signer, err := ssh.ParsePrivateKey(key)
	if err != nil {
		return fmt.Errorf("reading the key %s: %w", r.keyFile, err)
	}
	client, session, err := connect(net.JoinHostPort(r.address, "22"), connectPatience, &ssh.ClientConfig{
		User: r.user, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: ssh.InsecureIgnoreHostKey(),
	})
	if err != nil {
		return fmt.Errorf("connecting to %s: %w", r.address, err)
	}
	defer client.Close()
	session.Stdout, session.Stderr = os.Stdout, os.Stderr
	ended := make(chan error, 1)
	go func() { ended <- session.Run(r.command) }()
	return r.await(client, ended)
}

// connect opens a session on a server. The deadline also holds for a server that accepts the connection and is silent.
func connect(address string, patience time.Duration, config *ssh.ClientConfig) (*ssh.Client, *ssh.Session, error) {
	connection, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return nil, nil, err
	}
	client, session, err := openSession(connection, time.Now().Add(patience), address, config)
	if err != nil {
		_ = connection.Close() // the handshake may have closed it
		return nil, nil, err
	}
	return client, session, nil
}

func openSession(
	connection net.Conn, deadline time.Time, address string, config *ssh.ClientConfig,
) (*ssh.Client, *ssh.Session, error) {
	if err := connection.SetDeadline(deadline); err != nil {
		return nil, nil, err
	}
	secured, channels, requests, err := ssh.NewClientConn(connection, address, config)
	if err != nil {
		return nil, nil, err
	}
	client := ssh.NewClient(secured, channels, requests)
	session, err := client.NewSession()
	if err != nil {
		return nil, nil, err
	}
	return client, session, connection.SetDeadline(time.Time{})
}

// await returns when the command has ended, or when the server does not answer any more.
func (r request) await(client *ssh.Client, ended <-chan error) error {
	if r.aliveInterval == 0 {
		return <-ended
	}
	answers := make(chan struct{}, 1)
	missed := 0
	for {
		go func() {
			if _, _, err := client.SendRequest("keepalive@openssh.com", true, nil); err == nil {
				answers <- struct{}{}
			}
		}()
		select {
		case err := <-ended:
			return err
		case <-time.After(r.aliveInterval):
		}
		select {
		case <-answers:
			missed = 0
		default:
			missed++
		}
		if missed > r.aliveCount {
			return fmt.Errorf("timeout, server %s not responding", r.address)
		}
	}
}
