package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Record is what others need to know of a running cluster.
type Record struct {
	// Version of Kubernetes, as the API server says it.
	Version string `json:"version"`
	// Server is the URL of the API server.
	Server string `json:"server"`
	// Folder holds everything of this cluster; it is removed at the end.
	Folder string `json:"folder"`
	// Kubeconfig is a file: the administrator, by client certificate.
	Kubeconfig string `json:"kubeconfig"`
	// Authority is a file: the certificate that vouches for the server.
	Authority string `json:"authority"`
	// Serving certificate and key of the API server, files: a proxy before it can show them.
	ServingCertificate string `json:"servingCertificate"`
	ServingKey         string `json:"servingKey"`
	// Audit is a file with one event a line; empty when nothing is noted.
	Audit string `json:"audit"`
	// Tokens by user.
	Tokens map[string]string `json:"tokens"`
	// Processes, this one first.
	Processes []Process `json:"processes"`
}

// Process is told apart from a later one of the same id by its start.
type Process struct {
	Name string `json:"name"`
	ID   int    `json:"pid"`
	// Started is the kernel's word: ticks since the machine's start.
	Started uint64 `json:"started"`
}

// describe asks the kernel of a process.
func describe(name string, id int) (Process, error) {
	_, started, err := stat(id)
	return Process{Name: name, ID: id, Started: started}, err
}

// stat gives state and start of a process: fields 3 and 22 of proc(5)'s stat.
func stat(id int) (state string, started uint64, err error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", id))
	if err != nil {
		return "", 0, err
	}
	// The program's name, in parentheses, may hold anything; what counts stands after it.
	text := string(content)
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 20 {
		return "", 0, fmt.Errorf("/proc/%d/stat is too short", id)
	}
	started, err = strconv.ParseUint(fields[19], 10, 64)
	return fields[0], started, err
}
