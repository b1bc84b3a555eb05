//! Doors for the fuzz targets in `tests/fuzz`, to what no caller outside of this crate reaches. Not part of the interface.

use std::sync::Arc;

use windlass_core::tree::StoredEntry;

use crate::signature::{self, KeyFile, Keys};

/// The entries of a tree object; none when it is damaged.
#[must_use]
pub fn tree_object(bytes: &[u8]) -> Option<Vec<StoredEntry>> {
    crate::git::tree_object(bytes)
}

/// Whether a commit is signed by a list of keys; none when either can't be read.
#[must_use]
pub fn signed(list: &[u8], object: &[u8]) -> Option<bool> {
    let file = KeyFile {
        name: "list".to_owned(),
        bytes: list.to_vec(),
    };
    let keys = Arc::new(Keys::read(&[file]).ok()?);
    let id = gix::objs::compute_hash(gix::hash::Kind::Sha1, gix::objs::Kind::Commit, object).ok()?;
    let object = signature::commit(&id, object).ok()?;
    Some(signature::verify(&object, "commit", &keys).is_ok())
}
