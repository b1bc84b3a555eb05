package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// api is the API server, as its administrator sees it.
type api struct {
	server string
	client *http.Client
}

// refusal is an answer other than success.
type refusal struct {
	code    int
	message string
}

func (r *refusal) Error() string { return fmt.Sprintf("status %d: %s", r.code, r.message) }

func newAPI(server string, p *pki) (*api, error) {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(p.authority.certificate)
	certificate, err := tls.X509KeyPair(p.admin.certificate, p.admin.key)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{certificate}},
		ForceAttemptHTTP2: true,
	}
	return &api{server: server, client: &http.Client{Transport: transport}}, nil
}

const (
	plain      = "application/json"
	mergePatch = "application/merge-patch+json"
)

// send asks, and reads the answer into out unless that is nil.
func (a *api) send(ctx context.Context, method, path, contentType string, in, out any) error {
	var body io.Reader
	if in != nil {
		content, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(content)
	}
	answer, err := a.open(ctx, method, path, contentType, body)
	if err != nil {
		return err
	}
	defer answer.Close()
	if out == nil {
		_, err = io.Copy(io.Discard, answer)
		return err
	}
	return json.NewDecoder(answer).Decode(out)
}

// get is the common case of send.
func (a *api) get(ctx context.Context, path string, out any) error {
	return a.send(ctx, http.MethodGet, path, plain, nil, out)
}

// open gives the body of a successful answer.
func (a *api) open(ctx context.Context, method, path, contentType string, body io.Reader) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, method, a.server+path, body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", plain)
	request.Header.Set("Content-Type", contentType)
	request.Header.Set("User-Agent", userAgent)
	answer, err := a.client.Do(request)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		defer answer.Body.Close()
		message, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<10))
		return nil, &refusal{code: answer.StatusCode, message: string(message)}
	}
	return answer.Body, nil
}

// userAgent tells the node's requests from those of a test's subject.
const userAgent = "windlass-cluster-node"

// isRefusal tells whether the server answered with one of these codes.
func isRefusal(err error, codes ...int) bool {
	var answer *refusal
	if !errors.As(err, &answer) {
		return false
	}
	for _, code := range codes {
		if answer.code == code {
			return true
		}
	}
	return false
}
