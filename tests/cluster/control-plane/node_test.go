package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// podServer lists one pod and announces another; then its watch breaks off, and the list has both.
func podServer(t *testing.T) *api {
	lists := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		pod := `{"metadata":{"name":%q},"spec":{"nodeName":"elsewhere"}}`
		if request.URL.Query().Get("watch") == "" {
			lists++
			names := []string{"a", "b"}[:min(lists, 2)]
			items := make([]string, len(names))
			for i, name := range names {
				items[i] = fmt.Sprintf(pod, name)
			}
			fmt.Fprintf(w, `{"metadata":{"resourceVersion":"%d"},"items":[%s]}`, lists, strings.Join(items, ","))
			return
		}
		if version := request.URL.Query().Get("resourceVersion"); version != fmt.Sprint(lists) {
			t.Errorf("watches from %s after list %d", version, lists)
		}
		if lists == 1 {
			fmt.Fprintf(w, `{"type":"ADDED","object":`+pod+"}\n", "b")
			_, _ = io.WriteString(w, `{"type":"ERROR","object":{"code":410}}`)
			return
		}
		fmt.Fprintf(w, `{"type":"MODIFIED","object":`+pod+"}\n", "c")
	}))
	t.Cleanup(server.Close)
	return &api{server: server.URL, client: server.Client()}
}

func TestPodsAreSeenOnceListedAndAtEachChange(t *testing.T) {
	server := podServer(t)
	pods := make(chan *pod, 10)
	if err := followPods(context.Background(), server, pods); err == nil || !strings.Contains(err.Error(), "410") {
		t.Fatalf("the first watch ends with %v", err)
	}
	if err := followPods(context.Background(), server, pods); err != io.EOF {
		t.Fatalf("the second watch ends with %v", err)
	}
	close(pods)
	var names []string
	for seen := range pods {
		names = append(names, seen.Metadata.Name)
	}
	if got := strings.Join(names, " "); got != "a b a b c" {
		t.Fatal(got)
	}
}

func TestTheNodeEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	server := podServer(t)
	go func() {
		playNode(ctx, server)
		close(ended)
	}()
	cancel()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Fatal("it goes on")
	}
}
