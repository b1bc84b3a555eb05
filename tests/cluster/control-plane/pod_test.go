package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// recorder answers every request with the same status, and keeps what it was asked.
type recorder struct {
	status int
	asked  []string
	bodies []string
}

func (r *recorder) start(t *testing.T) *api {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, _ := io.ReadAll(request.Body)
		r.asked = append(r.asked, request.Method+" "+request.URL.Path)
		r.bodies = append(r.bodies, string(body))
		w.WriteHeader(r.status)
		_, _ = io.WriteString(w, "{}")
	}))
	t.Cleanup(server.Close)
	return &api{server: server.URL, client: server.Client()}
}

func read(t *testing.T, text string) *pod {
	t.Helper()
	found := &pod{}
	if err := json.Unmarshal([]byte(text), found); err != nil {
		t.Fatal(err)
	}
	found.Metadata.Name, found.Metadata.Namespace, found.Metadata.UID = "a", "shop", "u"
	return found
}

func TestAPodIsBoundThenRunsThenGoes(t *testing.T) {
	const path = "/api/v1/namespaces/shop/pods/a"
	for _, c := range []struct{ name, pod, asked, body string }{
		{"new", `{"status":{"phase":"Pending"}}`, "POST " + path + "/binding", `"name":"node"`},
		{"gated", `{"spec":{"schedulingGates":[{"name":"x"}]},"status":{"phase":"Pending"}}`, "", ""},
		{"bound", `{"spec":{"nodeName":"node"},"status":{"phase":"Pending"}}`, "PATCH " + path + "/status", `"phase":"Running"`},
		{"of another node", `{"spec":{"nodeName":"b"},"status":{"phase":"Pending"}}`, "", ""},
		{"running", `{"spec":{"nodeName":"node"},"status":{"phase":"Running"}}`, "", ""},
		{"waiting", `{"spec":{"nodeName":"node"},"status":{"phase":"Pending","containerStatuses":[{}]}}`, "", ""},
		{"leaving", `{"metadata":{"deletionTimestamp":"2026-01-01T00:00:00Z"},"spec":{"nodeName":"node"},"status":{"phase":"Running"}}`,
			"DELETE " + path, `"gracePeriodSeconds":0`},
	} {
		t.Run(c.name, func(t *testing.T) {
			record := &recorder{status: http.StatusOK}
			if err := read(t, c.pod).advance(context.Background(), record.start(t)); err != nil {
				t.Fatal(err)
			}
			if strings.Join(record.asked, ",") != c.asked {
				t.Fatalf("asked %q, not %q", record.asked, c.asked)
			}
			if c.asked != "" && !(strings.Contains(record.bodies[0], c.body) && strings.Contains(record.bodies[0], `"uid":"u"`)) {
				t.Fatalf("sent %s", record.bodies[0])
			}
		})
	}
}

func TestWhatIsGoneOrHandledAlreadyIsNoError(t *testing.T) {
	for status, fails := range map[int]bool{404: false, 409: false, 403: true, 500: true} {
		record := &recorder{status: status}
		err := read(t, `{"status":{"phase":"Pending"}}`).advance(context.Background(), record.start(t))
		if (err != nil) != fails {
			t.Errorf("status %d: %v", status, err)
		}
	}
}

func TestImagesAndOwnersDecideAPodsFate(t *testing.T) {
	for _, c := range []struct{ name, pod, phase, ready, state string }{
		{"plain", `{"spec":{"containers":[{"name":"c","image":"nginx"}]}}`, "Running", "True", "running"},
		{"missing image", `{"spec":{"containers":[{"name":"c","image":"missing.invalid/a:1"}]}}`, "Pending", "False", "waiting"},
		{"crashing", `{"spec":{"containers":[{"name":"c","image":"crash.invalid/a:1"}]}}`, "Running", "False", "waiting"},
		{"failing", `{"spec":{"containers":[{"name":"c","image":"fail.invalid/a:1"}]}}`, "Failed", "False", "terminated"},
		{"of a job", `{"metadata":{"ownerReferences":[{"kind":"Job"}]},"spec":{"containers":[{"name":"c","image":"a"}]}}`,
			"Succeeded", "False", "terminated"},
	} {
		t.Run(c.name, func(t *testing.T) {
			status := read(t, c.pod).status(time.Now())
			conditions := status["conditions"].([]any)
			ready := conditions[slices.IndexFunc(conditions, func(one any) bool { return one.(map[string]any)["type"] == "Ready" })]
			state := status["containerStatuses"].([]any)[0].(map[string]any)["state"].(map[string]any)
			if status["phase"] != c.phase || ready.(map[string]any)["status"] != c.ready || state[c.state] == nil {
				t.Fatalf("%v", status)
			}
		})
	}
}

func TestInitContainersHaveEndedAndSidecarsRun(t *testing.T) {
	status := read(t, `{"spec":{"initContainers":[{"name":"i"},{"name":"s","restartPolicy":"Always"}]}}`).status(time.Now())
	found := status["initContainerStatuses"].([]any)
	for i, want := range []string{"terminated", "running"} {
		one := found[i].(map[string]any)
		if one["state"].(map[string]any)[want] == nil || one["ready"] != true {
			t.Errorf("%v is not %s", one, want)
		}
	}
}
