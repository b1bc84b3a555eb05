//! The three ways in which go-jsonnet writes numbers.

pub(super) use crate::manifest::number as seventeen_digits;

/// As short as possible, without an exponent: `std.manifestJsonEx`, `std.manifestYamlDoc`.
pub(super) fn shortest(value: f64) -> String {
    value.to_string()
}
