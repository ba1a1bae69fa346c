package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// patience limits how long a step of a stage may take.
const patience = 5 * time.Minute

// stage is a backend on a disk of its own, which is mounted in namespaces of its own. Its folder is not in /tmp,
// because its processes have another /tmp: some daemons leave files there when they are killed.
type stage struct {
	Backend
	*namespaces
	work string
}

// scripts are the shell functions of the steps. Steps are scripts because the command of --between also does them.
const scripts = `set -eu
WORK=%[1]s DISK=%[1]s/disk STORE=%[1]s/store MNT=%[1]s/mnt OTHER=%[1]s/other
export WORK DISK STORE MNT OTHER TMPDIR=/tmp PATH="%[3]s:$PATH"
until_true() {
    for _ in $(seq 2400); do if "$@" >/dev/null 2>&1; then return 0; fi; sleep 0.1; done
    echo "not true within 240 s: $*"; return 1
}
gone() { # a file that is being written may have no process yet; other threads of a zombie may still run
    [ $# = 1 ] || return 1
    ! kill -0 $1 || { grep -q '^State:.Z' /proc/$1/status && [ "$(echo /proc/$1/task/*)" = /proc/$1/task/$1 ]; }
}
group_gone() { for member in $(pgrep -g $1); do gone $member || return 1; done; }
format() { [ -n "%[2]s" ] || { truncate -s %[4]s $DISK; mkfs.ext4 -q $DISK; }; }
attach() { [ -n "%[2]s" ] || mountpoint -q $STORE || mount -o loop $DISK $STORE; }
mounted() { mountpoint -q $2 || gone $(cat $1); }
client() { # PIDFILE MOUNTPOINT SCRIPT
    setsid sh -eu $3 </dev/null >>$WORK/log 2>&1 &
    echo $! >$1.shell
    mv -n $1.shell $1
    until_true mounted $1 $2
    mountpoint -q $2
}
serve() {
    [ -s $WORK/serve.sh ] || return 0
    setsid sh -eu $WORK/serve.sh </dev/null >>$WORK/log 2>&1 &
    echo $! >$WORK/servers
    until_true sh -eu $WORK/ready.sh
}
end_servers() {
    [ -e $WORK/servers ] || return 0
    kill -KILL -$(cat $WORK/servers) 2>/dev/null || true
    until_true group_gone $(cat $WORK/servers)
    rm $WORK/servers
}
end() { # waits until the client has ended by itself
    [ ! -e $1 ] || until_true gone $(cat $1)
}
killed() { # PIDFILE MOUNTPOINT
    [ ! -e $1 ] || { kill -KILL $(cat $1) 2>/dev/null || true; end $1; rm $1; }
    for at in $2 $2.lower; do ! grep -q " $at " /proc/mounts || umount -l $at; done
}
unmounted() { # PIDFILE MOUNTPOINT
    umount $2
    ! mountpoint -q $2.lower || umount $2.lower
    end $1
    rm -f $1
}
`

// newStage creates the namespaces and the disk, and sets the backend up. The folder tools has the programs of modules.
func newStage(ctx context.Context, b Backend, tools string) (*stage, error) {
	work, err := os.MkdirTemp("/var/tmp", "backend-")
	if err != nil {
		return nil, err
	}
	s := &stage{Backend: b, work: work}
	tmp, run := filepath.Join(work, "tmp"), filepath.Join(work, "run")
	err = errors.Join(os.Mkdir(tmp, 0o1777), os.MkdirAll(filepath.Join(run, "lock"), 0o755))
	if err == nil {
		s.namespaces, err = newNamespaces(tmp, run)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(work))
	}
	if err := s.saveSteps(b, tools); err != nil {
		return s, err
	}
	return s, s.do(ctx, "create")
}

// saveSteps saves the scripts of all steps.
func (s *stage) saveSteps(b Backend, tools string) error {
	own := ""
	if b.OwnDisk {
		own = "own"
	}
	mount := "client $WORK/pid $MNT $WORK/mount.sh"
	if b.Kernel {
		mount = "sh -eu $WORK/mount.sh"
	}
	const detach = "; ! mountpoint -q $STORE || until_true umount $STORE"
	return errors.Join(
		s.save("lib.sh", fmt.Sprintf(scripts, s.work, own, tools, cmp.Or(b.Size, "256M"))),
		s.save("mount.sh", execLast(b.Mount, b.Kernel)),
		s.save("serve.sh", b.Serve),
		s.save("ready.sh", b.Ready),
		s.save("second.sh", execLast(b.Second, false)),
		s.step("create", "mkdir $STORE $MNT $OTHER; format; attach\n"+b.Setup+"\nsync -f $STORE; serve"),
		s.step("mount", mount),
		s.step("unmount", "unmounted $WORK/pid $MNT"),
		s.step("kill", "killed $WORK/pid $MNT"),
		s.step("other", "client $WORK/pid2 $OTHER $WORK/second.sh"),
		s.step("cut", "cp --sparse=always $DISK $DISK.cut"),
		s.step("restore", "killed $WORK/pid $MNT; end_servers"+detach+"; mv $DISK.cut $DISK; attach; serve"),
		s.step("restart", "end_servers; serve"),
		s.step("away", "tc qdisc replace dev lo root blackhole"),
		s.step("back", "tc qdisc del dev lo root"),
		s.step("remove", "killed $WORK/pid2 $OTHER; killed $WORK/pid $MNT; end_servers"+detach),
	)
}

// execLast makes a command replace its shell, so that the process of the shell is the client.
func execLast(command string, kernel bool) string {
	if kernel || strings.Contains(command, "exec ") || strings.HasSuffix(command, "; wait") {
		return command
	}
	return "exec " + command
}

func (s *stage) save(name, content string) error {
	if content != "" {
		content += "\n"
	}
	return os.WriteFile(filepath.Join(s.work, name), []byte(content), 0o600)
}

// step saves a step as a script.
func (s *stage) step(name, commands string) error {
	return s.save("do-"+name+".sh", ". "+s.work+"/lib.sh\n"+commands)
}

// script is the shell command of steps, for --between.
func (s *stage) script(steps ...string) string {
	var all []string
	for _, name := range steps {
		all = append(all, "sh "+filepath.Join(s.work, "do-"+name+".sh"))
	}
	return strings.Join(all, " && ")
}

// do does steps.
func (s *stage) do(ctx context.Context, steps ...string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := s.command(ctx, "sh", "-c", s.script(steps...))
	// A daemon that the step starts must not keep this process waiting.
	log, err := os.OpenFile(filepath.Join(s.work, "steps"), os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	if err := cmd.Run(); err != nil {
		output, _ := os.ReadFile(log.Name())
		client, _ := os.ReadFile(filepath.Join(s.work, "log"))
		return fmt.Errorf("%s: step %s: %w: %s", s.Name, strings.Join(steps, ", "), err, tail(string(output)+string(client)))
	}
	return nil
}

// tail returns the last characters of a text.
func tail(text string) string {
	const most = 1000
	return strings.TrimSpace(text[max(0, len(text)-most):])
}

// remove ends all processes of the stage, unmounts everything and removes the folder.
func (s *stage) remove(ctx context.Context) error {
	err := s.do(context.WithoutCancel(ctx), "remove")
	clients, listErr := s.clients()
	for _, pid := range clients {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended
	}
	// What is still mounted is gone with the namespaces.
	return errors.Join(err, listErr, s.close(), os.RemoveAll(s.work))
}

func (s *stage) mnt() string { return filepath.Join(s.work, "mnt") }

// clients returns the processes of the backend, also those that it has moved to other parents. All of them have the
// variable WORK of the stage.
func (s *stage) clients() ([]int, error) {
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	var all []int
	for _, file := range files {
		content, _ := os.ReadFile(file) // the process may have ended
		if !strings.Contains("\x00"+string(content), "\x00WORK="+s.work+"\x00") {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			return nil, err
		}
		all = append(all, pid)
	}
	return all, err
}

// descendants returns a process and all its descendants.
func descendants(pid int) []int {
	all := []int{pid}
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		content, _ := os.ReadFile(list) // the thread may have ended
		for _, field := range strings.Fields(string(content)) {
			if child, err := strconv.Atoi(field); err == nil {
				all = append(all, descendants(child)...)
			}
		}
	}
	return all
}

// stop stops processes without ending them.
func stop(ctx context.Context, pids []int) error {
	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			return fmt.Errorf("stopping process %d: %w", pid, err)
		}
	}
	return until(ctx, "the writer is stopped", func() bool {
		for _, pid := range pids {
			status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			if !strings.Contains(string(status), "State:\tT") {
				return false
			}
		}
		return true
	})
}

// until waits for a condition.
func until(ctx context.Context, what string, condition func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%s: not within %s", what, patience)
		}
	}
	return nil
}
