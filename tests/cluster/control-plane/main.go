// Command control-plane runs a Kubernetes control plane for tests: etcd, kube-apiserver and kube-controller-manager as
// processes on the loopback, and it plays the node, so that pods become ready.
//
//	control-plane run    until standard input ends or a signal comes; then everything ends
//	control-plane start  the same in the background: returns when it is ready
//
// Both print one line of JSON, a Record, when the cluster is ready. Nothing but the standard library is used: it builds in
// seconds, and `go vet` and `go test` on it need no Kubernetes module.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
)

// options are what the command line says.
type options struct {
	// tools is the folder that holds the servers' programs.
	tools string
	// record is the file that tells others of a running cluster; empty for none.
	record string
	// audit has the API server note every request.
	audit bool
	// detached is set by `start`: standard input says nothing then.
	detached bool
}

func main() {
	// The kernel ends a child when the *thread* that started it ends (PR_SET_PDEATHSIG): children are started from here only,
	// and this goroutine stays on the thread that lives as long as the process.
	runtime.LockOSThread()
	if err := perform(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func perform(arguments []string) error {
	if len(arguments) == 0 {
		return errors.New("usage: control-plane run|start --tools DIR [--record FILE] [--audit]")
	}
	var chosen options
	flags := flag.NewFlagSet(arguments[0], flag.ContinueOnError)
	flags.StringVar(&chosen.tools, "tools", "", "folder with etcd, kube-apiserver and kube-controller-manager")
	flags.StringVar(&chosen.record, "record", "", "file to write the record to; it is removed at the end")
	flags.BoolVar(&chosen.audit, "audit", false, "note every request in the folder's audit.log")
	flags.BoolVar(&chosen.detached, "detached", false, "don't end with standard input")
	if err := flags.Parse(arguments[1:]); err != nil {
		return err
	}
	switch {
	case chosen.tools == "":
		return errors.New("--tools is missing")
	case chosen.record == "" && (chosen.detached || arguments[0] == "start"):
		return errors.New("--record is missing: nobody else would know of the cluster")
	case arguments[0] == "run":
		return run(chosen)
	case arguments[0] == "start":
		return start(arguments[1:])
	}
	return fmt.Errorf("there is no command %q", arguments[0])
}

// run starts a cluster and waits until it shall end, or one of its processes has ended.
func run(chosen options) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	endWith(cancel, chosen.detached)
	made, err := startCluster(ctx, chosen)
	if made != nil {
		defer made.end()
	}
	if err != nil {
		return err
	}
	line, err := json.Marshal(made.record)
	if err != nil {
		return err
	}
	if chosen.record != "" {
		if err := writeWhole(chosen.record, line); err != nil {
			return err
		}
		defer os.Remove(chosen.record)
	}
	fmt.Println(string(line))
	if chosen.detached {
		if err := keepLog(chosen.record); err != nil {
			return err
		}
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-made.failed:
		return err
	}
}

// keepLog lets go of the standard error of whoever called `start`, who may wait for its end, and writes beside the record: why a
// cluster ended by itself is told after its folder has gone.
func keepLog(record string) error {
	log, err := os.Create(strings.TrimSuffix(record, ".json") + ".log")
	if err != nil {
		return err
	}
	defer log.Close()
	return syscall.Dup3(int(log.Fd()), int(os.Stderr.Fd()), 0)
}

// endWith calls cancel on a signal and, unless detached, when standard input ends: whoever held the other end has ended then, in
// whatever way.
func endWith(cancel context.CancelFunc, detached bool) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-signals
		cancel()
	}()
	if detached {
		// The terminal may be closed.
		signal.Ignore(syscall.SIGHUP)
		return
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
}

// start runs this program once more in a session of its own, and passes on its line.
func start(arguments []string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	command := exec.Command(self, append([]string{"run", "--detached"}, arguments...)...)
	command.Stderr = os.Stderr
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	output, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return err
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		// It has said why on the same standard error.
		return fmt.Errorf("the cluster did not start: %w", command.Wait())
	}
	fmt.Print(line)
	return nil
}

// writeWhole lets nobody read half of a file.
func writeWhole(path string, content []byte) error {
	unfinished := path + ".new"
	if err := os.WriteFile(unfinished, append(content, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(unfinished, path)
}
