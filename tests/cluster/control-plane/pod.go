package main

import (
	"context"
	"fmt"
	"hash/fnv"
	"net/http"
	"strings"
	"time"
)

// nodeAddress is of the range for documentation: nothing answers there.
const nodeAddress = "192.0.2.1"

// Registries that are no registries (RFC 2606): an image of theirs says how its pod fails.
const (
	missingImages = "missing.invalid/"
	crashingImage = "crash.invalid/"
	failingImage  = "fail.invalid/"
)

// pod is what of a pod the node looks at.
type pod struct {
	Metadata struct {
		Name            string `json:"name"`
		Namespace       string `json:"namespace"`
		UID             string `json:"uid"`
		Generation      int64  `json:"generation"`
		Deletion        string `json:"deletionTimestamp"`
		OwnerReferences []struct {
			Kind string `json:"kind"`
		} `json:"ownerReferences"`
	} `json:"metadata"`
	Spec struct {
		NodeName        string      `json:"nodeName"`
		HostNetwork     bool        `json:"hostNetwork"`
		SchedulingGates []struct{}  `json:"schedulingGates"`
		Containers      []container `json:"containers"`
		InitContainers  []container `json:"initContainers"`
	} `json:"spec"`
	Status struct {
		Phase             string     `json:"phase"`
		ContainerStatuses []struct{} `json:"containerStatuses"`
	} `json:"status"`
}

type container struct {
	Name          string `json:"name"`
	Image         string `json:"image"`
	RestartPolicy string `json:"restartPolicy"`
}

// advance makes the next step of the pod's life; the change that it makes comes back as an event.
func (p *pod) advance(ctx context.Context, server *api) error {
	var err error
	switch {
	case p.Metadata.Deletion != "":
		err = p.remove(ctx, server)
	case p.Spec.NodeName == "" && len(p.Spec.SchedulingGates) == 0:
		err = p.bind(ctx, server)
	case p.Spec.NodeName == nodeName && p.Status.Phase == "Pending" && len(p.Status.ContainerStatuses) == 0:
		patch := map[string]any{"metadata": map[string]any{"uid": p.Metadata.UID}, "status": p.status(time.Now())}
		err = server.send(ctx, http.MethodPatch, p.path()+"/status", mergePatch, patch, nil)
	}
	// It is gone, has been replaced, or was handled at an earlier event.
	if isRefusal(err, http.StatusNotFound, http.StatusConflict) {
		return nil
	}
	return err
}

func (p *pod) path() string {
	return "/api/v1/namespaces/" + p.Metadata.Namespace + "/pods/" + p.Metadata.Name
}

func (p *pod) bind(ctx context.Context, server *api) error {
	binding := map[string]any{
		"metadata": map[string]any{"name": p.Metadata.Name, "uid": p.Metadata.UID},
		"target":   map[string]any{"kind": "Node", "name": nodeName},
	}
	return server.send(ctx, http.MethodPost, p.path()+"/binding", plain, binding, nil)
}

// remove confirms a deletion: the containers, which never were, have ended.
func (p *pod) remove(ctx context.Context, server *api) error {
	options := map[string]any{"gracePeriodSeconds": 0, "preconditions": map[string]any{"uid": p.Metadata.UID}}
	return server.send(ctx, http.MethodDelete, p.path(), plain, options, nil)
}

// fate of a pod.
type fate struct {
	phase string
	ready bool
	state map[string]any
}

func (p *pod) fate(now string) fate {
	for _, c := range p.Spec.Containers {
		switch {
		case strings.HasPrefix(c.Image, missingImages):
			return fate{phase: "Pending", state: waiting("ImagePullBackOff", "Back-off pulling image "+c.Image)}
		case strings.HasPrefix(c.Image, crashingImage):
			return fate{phase: "Running", state: waiting("CrashLoopBackOff", "back-off restarting failed container "+c.Name)}
		case strings.HasPrefix(c.Image, failingImage):
			return fate{phase: "Failed", state: ended(now, 1, "Error")}
		}
	}
	for _, owner := range p.Metadata.OwnerReferences {
		if owner.Kind == "Job" {
			return fate{phase: "Succeeded", state: completed(now)}
		}
	}
	return fate{phase: "Running", ready: true, state: running(now)}
}

func waiting(reason, message string) map[string]any {
	return map[string]any{"waiting": map[string]any{"reason": reason, "message": message}}
}

func running(now string) map[string]any {
	return map[string]any{"running": map[string]any{"startedAt": now}}
}

func completed(now string) map[string]any { return ended(now, 0, "Completed") }

func ended(now string, code int, reason string) map[string]any {
	return map[string]any{"terminated": map[string]any{
		"exitCode": code, "reason": reason, "startedAt": now, "finishedAt": now,
	}}
}

// status as a kubelet would report it once the pod has come to its end or its rest.
func (p *pod) status(at time.Time) map[string]any {
	now := at.UTC().Format(time.RFC3339)
	fate := p.fate(now)
	address := p.address()
	condition := func(kind string, holds bool) map[string]any {
		return map[string]any{
			"type": kind, "status": map[bool]string{true: "True", false: "False"}[holds],
			"lastTransitionTime": now, "observedGeneration": p.Metadata.Generation,
		}
	}
	return map[string]any{
		"phase": fate.phase, "startTime": now, "observedGeneration": p.Metadata.Generation,
		"hostIP": nodeAddress, "hostIPs": []any{map[string]string{"ip": nodeAddress}},
		"podIP": address, "podIPs": []any{map[string]string{"ip": address}},
		"conditions": []any{
			condition("PodScheduled", true), condition("PodReadyToStartContainers", true), condition("Initialized", true),
			condition("ContainersReady", fate.ready), condition("Ready", fate.ready),
		},
		"containerStatuses":     statuses(p.Spec.Containers, fate),
		"initContainerStatuses": initStatuses(p.Spec.InitContainers, fate, now),
	}
}

func statuses(containers []container, fate fate) []any {
	found := make([]any, len(containers))
	for i, c := range containers {
		found[i] = c.status(fate.state, fate.ready)
	}
	return found
}

// initStatuses: they have done their work, and sidecars run as long as the pod does.
func initStatuses(containers []container, fate fate, now string) []any {
	found := make([]any, len(containers))
	for i, c := range containers {
		state := completed(now)
		if c.RestartPolicy == "Always" && fate.phase == "Running" {
			state = running(now)
		}
		found[i] = c.status(state, true)
	}
	return found
}

func (c container) status(state map[string]any, ready bool) map[string]any {
	return map[string]any{
		"name": c.Name, "image": c.Image, "imageID": "", "state": state, "ready": ready, "started": ready, "restartCount": 0,
	}
}

// address differs between pods, mostly; nothing is reached by it.
func (p *pod) address() string {
	if p.Spec.HostNetwork {
		return nodeAddress
	}
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(p.Metadata.UID))
	sum := hash.Sum32()
	return fmt.Sprintf("10.244.%d.%d", sum>>8&0xff, sum&0xff)
}
