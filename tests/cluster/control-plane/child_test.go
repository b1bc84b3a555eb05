package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// parentOf names the folder of programs, in the environment of a process that starts one and waits to be killed.
const parentOf = "CONTROL_PLANE_TEST_PARENT_OF"

func TestMain(m *testing.M) {
	tools := os.Getenv(parentOf)
	if tools == "" {
		os.Exit(m.Run())
	}
	// As in main.
	runtime.LockOSThread()
	started, err := startChild(tools, tools, "etcd", nil)
	if err != nil {
		panic(err)
	}
	fmt.Println(started.command.Process.Pid)
	<-started.ended
}

// runs: one that has ended and waits for its parent to notice doesn't.
func (p Process) runs() bool {
	state, started, err := stat(p.ID)
	return err == nil && started == p.Started && state != "Z" && state != "X"
}

func TestAServerEndsWhenWhatStartedItIsKilled(t *testing.T) {
	tools := t.TempDir()
	if err := os.WriteFile(filepath.Join(tools, "etcd"), []byte("#!/bin/sh\nexec sleep 60\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), parentOf+"="+tools)
	output, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var id int
	if _, err := fmt.Sscan(line, &id); err != nil {
		t.Fatal(err)
	}
	child, err := describe("etcd", id)
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	for deadline := time.Now().Add(20 * time.Second); child.runs(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it still runs")
		}
	}
}

func TestAServerThatEndsIsNamedWithItsLastWords(t *testing.T) {
	tools, logs := t.TempDir(), t.TempDir()
	script := "#!/bin/sh\nfor i in $(seq 30); do echo line $i; done\nexit 7\n"
	if err := os.WriteFile(filepath.Join(tools, "etcd"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	c := &cluster{tools: tools, folder: logs, failed: make(chan error, 1)}
	if err := c.run("etcd", nil); err != nil {
		t.Fatal(err)
	}
	message := (<-c.failed).Error()
	if !strings.Contains(message, "etcd ended (exit status 7)") || !strings.HasSuffix(message, "line 30") ||
		strings.Contains(message, "line 10\n") {
		t.Fatal(message)
	}
}

func TestEndLeavesNeitherProcessNorFolder(t *testing.T) {
	tools := t.TempDir()
	if err := os.WriteFile(filepath.Join(tools, "etcd"), []byte("#!/bin/sh\nexec sleep 60\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	folder, err := newFolder()
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{tools: tools, folder: folder, failed: make(chan error, 1)}
	if err := c.run("etcd", nil); err != nil {
		t.Fatal(err)
	}
	process, err := describe("etcd", c.children[0].command.Process.Pid)
	if err != nil || process.Started == 0 {
		t.Fatal(process, err)
	}
	c.end()
	if process.runs() {
		t.Error("it still runs")
	}
	if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Error(err)
	}
}

func TestPortsDiffer(t *testing.T) {
	ports, err := freePorts(20)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for _, port := range ports {
		if seen[port] {
			t.Fatal(ports)
		}
		seen[port] = true
	}
}
