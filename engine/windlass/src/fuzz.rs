//! Doors for the fuzz targets in `tests/fuzz`, to what no caller outside of this crate reaches. Not part of the interface.

use windlass_core::render::Diagnostic;

/// A finding as a person sees it, without colours.
#[must_use]
pub fn finding(finding: &Diagnostic) -> String {
    crate::cli::finding(finding)
}
