package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"
)

const nodeName = "node"

const (
	// podsPath covers all namespaces.
	podsPath = "/api/v1/pods"
	// workers that act on pods: as many requests are in flight at most.
	workers = 8
	// again is the wait after a watch that failed.
	again = 100 * time.Millisecond
)

// addNode registers the one node: ready, and large enough for whatever a test asks for. Its kubelet is asked on that port of the loopback.
func addNode(ctx context.Context, server *api, port int) error {
	now := time.Now().UTC().Format(time.RFC3339)
	amounts := map[string]string{"cpu": "1000", "memory": "1Ti", "ephemeral-storage": "1Ti", "pods": "100000"}
	node := map[string]any{
		"metadata": map[string]any{
			"name": nodeName,
			"labels": map[string]string{
				"kubernetes.io/hostname": nodeName, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
			},
		},
		"status": map[string]any{
			"capacity": amounts, "allocatable": amounts,
			// The API server asks the first of these.
			"addresses": []any{
				map[string]string{"type": "Hostname", "address": "127.0.0.1"},
				map[string]string{"type": "InternalIP", "address": nodeAddress},
			},
			"daemonEndpoints": map[string]any{"kubeletEndpoint": map[string]int{"Port": port}},
			"conditions": []any{map[string]string{
				"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "a test's node is always ready",
				"lastHeartbeatTime": now, "lastTransitionTime": now,
			}},
		},
	}
	if err := server.send(ctx, http.MethodPost, "/api/v1/nodes", plain, node, nil); err != nil {
		return err
	}
	// Admission has added `node.kubernetes.io/not-ready`; who would take it off again, the node-lifecycle controller, doesn't run.
	untainted := map[string]any{"spec": map[string]any{"taints": nil}}
	return server.send(ctx, http.MethodPatch, "/api/v1/nodes/"+nodeName, mergePatch, untainted, nil)
}

// playNode does for pods what scheduler and kubelet would, until ctx ends.
func playNode(ctx context.Context, server *api) {
	pods := make(chan *pod, 1024)
	for range workers {
		go func() {
			for seen := range pods {
				if err := seen.advance(ctx, server); err != nil && ctx.Err() == nil {
					fmt.Fprintf(os.Stderr, "pod %s/%s: %v\n", seen.Metadata.Namespace, seen.Metadata.Name, err)
				}
			}
		}()
	}
	for ctx.Err() == nil {
		if err := followPods(ctx, server, pods); err != nil && ctx.Err() == nil {
			fmt.Fprintln(os.Stderr, "watching pods:", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(again):
		}
	}
	close(pods)
}

// followPods hands on each pod that is there, and then each that changes, until the watch ends.
func followPods(ctx context.Context, server *api, pods chan<- *pod) error {
	var list struct {
		Metadata struct {
			ResourceVersion string `json:"resourceVersion"`
		} `json:"metadata"`
		Items []*pod `json:"items"`
	}
	if err := server.get(ctx, podsPath, &list); err != nil {
		return err
	}
	for _, listed := range list.Items {
		pods <- listed
	}
	path := fmt.Sprintf("%s?watch=1&timeoutSeconds=3600&resourceVersion=%s", podsPath, list.Metadata.ResourceVersion)
	stream, err := server.open(ctx, http.MethodGet, path, plain, nil)
	if err != nil {
		return err
	}
	defer stream.Close()
	events := json.NewDecoder(stream)
	for {
		var event struct {
			Type   string          `json:"type"`
			Object json.RawMessage `json:"object"`
		}
		if err := events.Decode(&event); err != nil {
			return err
		}
		switch event.Type {
		case "ADDED", "MODIFIED":
			changed := &pod{}
			if err := json.Unmarshal(event.Object, changed); err != nil {
				return err
			}
			pods <- changed
		case "ERROR":
			return errors.New(string(event.Object))
		}
	}
}
