//! Doors for the fuzz targets in `tests/fuzz`, to what no caller outside of this crate reaches. Not part of the interface.

use windlass_core::tree::StoredEntry;

/// The entries of a tree object; none when it is damaged.
#[must_use]
pub fn tree_object(bytes: &[u8]) -> Option<Vec<StoredEntry>> {
    crate::git::tree_object(bytes)
}
