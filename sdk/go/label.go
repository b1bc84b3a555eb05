package sdk

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// boundedLabel keeps a label within the contract's bound and distinct from others with the same beginning.
func boundedLabel(label string) string {
	if len(label) <= maxForkLabel {
		return label
	}
	sum := sha256.Sum256([]byte(label))
	digest := hex.EncodeToString(sum[:])
	return strings.ToValidUTF8(label[:maxForkLabel-len(digest)-1], "") + "#" + digest
}
