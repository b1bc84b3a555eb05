package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// shownLines of a server's log, when it ended.
const shownLines = 20

// child is a server of the cluster.
type child struct {
	name    string
	log     string
	command *exec.Cmd
	// ended is closed when the process is no more.
	ended chan struct{}
}

// startChild runs a program of the folder tools; what it prints goes to a file in logs. It ends with this process, however that
// ends.
func startChild(tools, logs, name string, arguments []string) (*child, error) {
	started := &child{name: name, log: filepath.Join(logs, name+".log"), ended: make(chan struct{})}
	output, err := os.Create(started.log)
	if err != nil {
		return nil, err
	}
	defer output.Close()
	started.command = exec.Command(filepath.Join(tools, name), arguments...)
	started.command.Stdout, started.command.Stderr = output, output
	// Proxies and clusters of the user's are none of these servers' business.
	started.command.Env = []string{"HOME=" + logs}
	started.command.Dir = logs
	started.command.SysProcAttr = &syscall.SysProcAttr{
		Pdeathsig: syscall.SIGKILL,
		// Out of the terminal's way: an interrupt there is for this process, which then ends them in order.
		Setpgid: true,
	}
	if err := started.command.Start(); err != nil {
		return nil, fmt.Errorf("can't start %s: %w", name, err)
	}
	go func() {
		_ = started.command.Wait()
		close(started.ended)
	}()
	return started, nil
}

// end returns when the process is no more. Nothing that it holds is kept, so it is not asked.
func (c *child) end() {
	// Fails only for a process that has ended.
	_ = c.command.Process.Kill()
	<-c.ended
}

// died tells what it said last.
func (c *child) died() error {
	content, err := os.ReadFile(c.log)
	if err != nil {
		return fmt.Errorf("%s ended", c.name)
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	lines = lines[max(0, len(lines)-shownLines):]
	return fmt.Errorf("%s ended (%s). It said last:\n%s", c.name, c.command.ProcessState, strings.Join(lines, "\n"))
}
