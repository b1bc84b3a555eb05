//go:build !wasip1

package sdk

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"time"
)

var streams struct {
	sync.Mutex
	seed    string
	current *rand.ChaCha8
}

// SeedEntropy restarts the generator of native runs under a seed; it starts under "". It is for tests: unlike the
// host's it holds no secret, and crypto/rand doesn't draw from it.
func SeedEntropy(seed string) {
	streams.Lock()
	defer streams.Unlock()
	streams.seed, streams.current = seed, nil
}

func entropyNext() uint64 {
	streams.Lock()
	defer streams.Unlock()
	if streams.current == nil {
		streams.current = newStream("")
	}
	return streams.current.Uint64()
}

func entropyFork(label string) {
	streams.Lock()
	defer streams.Unlock()
	streams.current = newStream(label)
}

func newStream(label string) *rand.ChaCha8 {
	return rand.NewChaCha8(sha256.Sum256(fmt.Appendf(nil, "%q %q", streams.seed, label)))
}

func writeLog(level Level, message string, fields []Pair) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", [...]string{"debug", "info", "warn", "error"}[level], message)
	for _, f := range fields {
		fmt.Fprintf(&b, " %s=%q", f.Name, f.Value)
	}
	fmt.Fprintln(os.Stderr, b.String())
}

// SetNow makes time.Now answer t in a component. In a native run it does nothing: the clock is the system's.
func SetNow(time.Time) {}

var errNoHost = &Refusal{Reason: Denied, Message: "a native run has no host to ask"}

func hintSources([]Locator) {}

func openSource(Locator) (*Tree, error) { return nil, errNoHost }

func compose(string, string, *Tree, string) (*Rendered, error) {
	return nil, &UnsupportedError{Message: "a native run can't call another plugin"}
}

func clusterGet(ObjectRef, []string) (string, error) { return "", errNoHost }

func clusterList(ClusterQuery, uint32, string) ([]string, string, error) { return nil, "", errNoHost }
