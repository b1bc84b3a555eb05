//! What a worker that was taken over may send.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use windlass_core::render::{AppNames, Instant};
use windlass_host::{RenderRequest, Tenant, entropy};

use crate::tree;

/// Frames are decoded, or refused; a session answers whatever is asked and keeps within its sums.
pub(crate) fn frames(bytes: &[u8]) {
    windlass_host::fuzz::frames(bytes, &request());
}

fn request() -> RenderRequest {
    let app = AppNames::default();
    RenderRequest {
        tenant: Tenant::new("shop"),
        tree: tree::make(&[0, 0, 6, 3, 2, 1, 1, 0, 5, 1, 6, 3]),
        path: String::new(),
        config: "{}".to_owned(),
        entropy: entropy::app_key(&[7; 32], &app),
        app,
        now: Instant::default(),
        kube_version: "v1.37.0".to_owned(),
        apis: Arc::new(BTreeSet::from(["v1".to_owned()])),
        input: None,
        sources: BTreeMap::new(),
    }
}

/// One good frame of each kind.
pub(crate) fn frame_seeds(_: &Path) -> Vec<Vec<u8>> {
    windlass_host::fuzz::good_frames()
}
