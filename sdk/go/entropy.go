package sdk

import "encoding/binary"

// Entropy draws from the host's generator, which is keyed by installation and app and never by revision: a commit does
// not change a password. It is an io.Reader and a source for package math/rand/v2. In a component, crypto/rand draws
// from the same stream.
type Entropy struct{}

// maxForkLabel is the contract's bound on a label, in bytes.
const maxForkLabel = 1 << 10

// Uint64 is the next 64 bits of the current stream.
func (Entropy) Uint64() uint64 { return entropyNext() }

// Fork restarts the stream under a label, so that a draw added elsewhere changes nothing here. What is over 1 KiB of
// the label is replaced by a digest of it.
func (Entropy) Fork(label string) { entropyFork(boundedLabel(label)) }

// Read fills p; it never fails.
func (e Entropy) Read(p []byte) (int, error) {
	var word [8]byte
	for n := 0; n < len(p); n += 8 {
		binary.LittleEndian.PutUint64(word[:], e.Uint64())
		copy(p[n:], word[:])
	}
	return len(p), nil
}
