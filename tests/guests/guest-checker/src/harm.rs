//! What no validator ought to do.

use std::hint::black_box;

use windlass_sdk::{CheckRequest, Diagnostic, Findings, Location, log};

use crate::{Config, Mode, at, tell};

/// Does the harm that the config asks for.
pub(crate) fn run(config: &Config, request: &CheckRequest, findings: &Findings) {
    let len = request.objects().len();
    let error = |message: &str| Diagnostic::error("checker-harm", message);
    match config.mode {
        Mode::OutOfRange => drop(request.objects().body(len)),
        Mode::Beyond => findings.report(&at(error("about nothing"), len, "")),
        Mode::RelatedBeyond => {
            let found = error("about something").related(Location::object(len, ""), "and nothing");
            findings.report(&at(found, 0, ""));
        }
        Mode::NoPointer => findings.report(&at(error("somewhere"), 0, "no/pointer~")),
        Mode::Nowhere => findings.report(&error("nowhere in particular")),
        Mode::NotUtf8 => tell(findings, "garbage", not_utf8()),
        Mode::FloodFindings => flood_findings(config, findings),
        Mode::FloodLog => (0..config.n).for_each(|_| log::info(&"x".repeat(config.bytes as usize), &[])),
        Mode::LeakHandles => (0..config.n).for_each(|_| std::mem::forget(request.objects())),
        Mode::Memory => memory(config.n),
        Mode::Spin => spin(),
        Mode::Panic => panic!("lost my way"),
        _ => trap(),
    }
}

fn flood_findings(config: &Config, findings: &Findings) {
    let text = "x".repeat(config.bytes as usize);
    (0..config.n).for_each(|_| findings.report(&at(Diagnostic::warning("flood", &text), 0, "")));
}

/// Allocates `mib` MiB and touches every page.
fn memory(mib: u32) {
    let blocks: Vec<Vec<u8>> = (0..mib).map(|_| vec![1; 1 << 20]).collect();
    black_box(&blocks);
}

fn spin() {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

/// A trap without a word: what a fatal error of a run time ends in.
fn trap() {
    #[cfg(target_arch = "wasm32")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_arch = "wasm32"))]
    std::process::abort();
}

/// Text as a broken or hostile toolchain lowers it.
#[expect(unsafe_code, reason = "safe Rust has no such string; the host must refuse it")]
fn not_utf8() -> String {
    // SAFETY: never read as text in here, only lowered as pointer and length.
    unsafe { String::from_utf8_unchecked(vec![b'a', 0xff, 0xfe]) }
}
