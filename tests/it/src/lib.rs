//! What the integration tests share with the tools of `cargo x`.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

pub mod native;
pub mod cluster;
pub mod git_http;
