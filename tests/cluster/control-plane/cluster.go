package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	// patience with one server's start: some seconds on a quiet machine, minutes on one that compiles.
	patience = 3 * time.Minute
	// pause between looks.
	pause = 20 * time.Millisecond
	// attempts when somebody else took a port.
	attempts = 3
)

// users who can show a token, with their groups. `nobody` may do what every authenticated user may, which is next to nothing.
var users = map[string]string{"admin": "system:masters", "nobody": ""}

// cluster is a running control plane.
type cluster struct {
	folder   string
	tools    string
	began    time.Time
	children []*child
	// failed gets the first server that ended by itself.
	failed chan error
	record Record
}

// startCluster returns when pods can be made. What it returns has to be ended, also beside an error.
func startCluster(ctx context.Context, chosen options) (*cluster, error) {
	for attempt := 1; ; attempt++ {
		folder, err := newFolder()
		if err != nil {
			return nil, err
		}
		made := &cluster{folder: folder, tools: chosen.tools, began: time.Now(), failed: make(chan error, 1)}
		err = made.start(ctx, chosen.audit)
		if err == nil || attempt == attempts || !strings.Contains(err.Error(), "address already in use") {
			return made, err
		}
		made.end()
	}
}

func (c *cluster) start(ctx context.Context, audit bool) error {
	p, err := newPKI(c.folder)
	if err != nil {
		return err
	}
	ports, err := freePorts(3)
	if err != nil {
		return err
	}
	etcd, peer, secure := ports[0], ports[1], ports[2]
	server := fmt.Sprintf("https://127.0.0.1:%d", secure)
	admin, err := newAPI(server, p)
	if err != nil {
		return err
	}
	if err := c.describe(p, server, audit); err != nil {
		return err
	}
	// Not waited for: the API server waits for it by itself, and takes longer to come so far.
	if err := c.run("etcd", etcdArguments(filepath.Join(c.folder, "etcd"), etcd, peer)); err != nil {
		return err
	}
	tokens, err := c.tokens()
	if err != nil {
		return err
	}
	files, err := c.auditFiles(audit)
	if err != nil {
		return err
	}
	if err := c.run("kube-apiserver", apiServerArguments(p, etcd, secure, tokens, files)); err != nil {
		return err
	}
	if err := c.await(ctx, "kube-apiserver", func() error { return admin.get(ctx, "/readyz", nil) }); err != nil {
		return err
	}
	if err := c.controllers(ctx, p, admin); err != nil {
		return err
	}
	go playNode(ctx, admin)
	var version struct {
		GitVersion string `json:"gitVersion"`
	}
	if err := admin.get(ctx, "/version", &version); err != nil {
		return err
	}
	c.record.Version = version.GitVersion
	return c.processes()
}

// controllers are at work when the namespace `default` has what the API server asks of a pod's namespace.
func (c *cluster) controllers(ctx context.Context, p *pki, admin *api) error {
	file := filepath.Join(c.folder, "controller-manager.kubeconfig")
	content := kubeconfig(admin.server, p.authority.certificate, "system:kube-controller-manager", p.manager)
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		return err
	}
	if err := c.run("kube-controller-manager", controllerManagerArguments(p, file)); err != nil {
		return err
	}
	port, err := serveLogs(ctx, admin, p)
	if err != nil {
		return fmt.Errorf("can't play the kubelet: %w", err)
	}
	if err := addNode(ctx, admin, port); err != nil {
		return fmt.Errorf("can't add the node: %w", err)
	}
	return c.await(ctx, "kube-controller-manager", func() error {
		if err := admin.get(ctx, "/api/v1/namespaces/default/serviceaccounts/default", nil); err != nil {
			return err
		}
		return admin.get(ctx, "/api/v1/namespaces/default/configmaps/kube-root-ca.crt", nil)
	})
}

func (c *cluster) run(name string, arguments []string) error {
	started, err := startChild(c.tools, c.folder, name, arguments)
	if err != nil {
		return err
	}
	c.children = append(c.children, started)
	go func() {
		<-started.ended
		select {
		case c.failed <- started.died():
		default:
		}
	}()
	return nil
}

// await asks until there is no error.
func (c *cluster) await(ctx context.Context, name string, ask func() error) error {
	deadline := time.Now().Add(patience)
	for {
		err := ask()
		if err == nil {
			fmt.Fprintf(os.Stderr, "%s is ready (%.1f s)\n", name, time.Since(c.began).Seconds())
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s is not ready after %s: %w", name, patience, err)
		}
		select {
		case failure := <-c.failed:
			return failure
		case <-ctx.Done():
			return errors.New("it was ended before it was ready")
		case <-time.After(pause):
		}
	}
}

// describe fills the record, and writes the administrator's kubeconfig.
func (c *cluster) describe(p *pki, server string, audit bool) error {
	c.record = Record{
		Server:             server,
		Folder:             c.folder,
		Kubeconfig:         filepath.Join(c.folder, "kubeconfig"),
		Authority:          p.certificate("ca"),
		ServingCertificate: p.certificate("serving"),
		ServingKey:         p.key("serving"),
		Tokens:             map[string]string{},
	}
	if audit {
		c.record.Audit = filepath.Join(c.folder, "audit.log")
	}
	content := kubeconfig(server, p.authority.certificate, "admin", p.admin)
	return os.WriteFile(c.record.Kubeconfig, []byte(content), 0o600)
}

// tokens writes the file that --token-auth-file wants: token, user, uid, groups.
func (c *cluster) tokens() (string, error) {
	var lines strings.Builder
	for user, group := range users {
		var token [16]byte
		if _, err := rand.Read(token[:]); err != nil {
			return "", err
		}
		c.record.Tokens[user] = hex.EncodeToString(token[:])
		fmt.Fprintf(&lines, "%s,%s,%s,%s\n", c.record.Tokens[user], user, user, group)
	}
	file := filepath.Join(c.folder, "tokens.csv")
	return file, os.WriteFile(file, []byte(lines.String()), 0o600)
}

func (c *cluster) auditFiles(wanted bool) (*auditFiles, error) {
	if !wanted {
		return nil, nil
	}
	files := &auditFiles{policy: filepath.Join(c.folder, "audit-policy.yaml"), log: c.record.Audit}
	return files, os.WriteFile(files.policy, []byte(auditPolicy), 0o600)
}

func (c *cluster) processes() error {
	self, err := describe("control-plane", os.Getpid())
	if err != nil {
		return err
	}
	c.record.Processes = []Process{self}
	for _, child := range c.children {
		process, err := describe(child.name, child.command.Process.Pid)
		if err != nil {
			return err
		}
		c.record.Processes = append(c.record.Processes, process)
	}
	return nil
}

// end leaves nothing: no process and no file.
func (c *cluster) end() {
	for i := len(c.children) - 1; i >= 0; i-- {
		c.children[i].end()
	}
	if err := os.RemoveAll(c.folder); err != nil {
		fmt.Fprintln(os.Stderr, "can't remove the cluster's folder:", err)
	}
}
