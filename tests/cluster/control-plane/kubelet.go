package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// logAnnotation of a pod is what its containers wrote.
const logAnnotation = "windlass.test/log"

// serveLogs answers what an API server asks a kubelet for: what a pod's container wrote. Says on which port of the loopback.
func serveLogs(ctx context.Context, server *api, p *pki) (int, error) {
	certificate, err := tls.X509KeyPair(p.serving.certificate, p.serving.key)
	if err != nil {
		return 0, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", func(w http.ResponseWriter, request *http.Request) {
		writeLog(w, request, server)
	})
	kubelet := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go func() {
		_ = kubelet.Serve(tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{certificate}}))
	}()
	go func() {
		<-ctx.Done()
		_ = kubelet.Close()
	}()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

func writeLog(w http.ResponseWriter, request *http.Request, server *api) {
	var found struct {
		Metadata struct {
			Annotations map[string]string `json:"annotations"`
		} `json:"metadata"`
	}
	path := "/api/v1/namespaces/" + request.PathValue("namespace") + "/pods/" + request.PathValue("pod")
	if err := server.get(request.Context(), path, &found); err != nil {
		http.Error(w, fmt.Sprint(err), http.StatusInternalServerError)
		return
	}
	lines := strings.SplitAfter(strings.TrimSuffix(found.Metadata.Annotations[logAnnotation], "\n"), "\n")
	if count, err := strconv.Atoi(request.URL.Query().Get("tailLines")); err == nil && count < len(lines) {
		lines = lines[len(lines)-count:]
	}
	_, _ = io.WriteString(w, strings.Join(lines, ""))
}
