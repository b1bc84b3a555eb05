//! What no plugin ought to do.

use std::hint::black_box;

use windlass_sdk::{Document, RenderRequest, Sink, log};

use crate::config::{Config, Mode};
use crate::flood;

/// Does the harm that the config asks for.
pub(crate) fn run(config: &Config, request: &RenderRequest, out: &Sink) {
    match config.mode {
        Mode::Spin => spin(),
        Mode::Memory => memory(config.n),
        Mode::Recurse => recurse(0),
        Mode::FloodOutput => flood::output(config, out),
        Mode::FloodDocuments => flood::documents(config.n, out),
        Mode::FloodDiagnostics => flood::diagnostics(config.n, out),
        Mode::FloodLog => flood::log(config),
        Mode::FloodFields => flood::fields(config),
        Mode::FloodLines => flood::lines(config, out),
        Mode::FloodAttributes => flood::attributes(config, out),
        Mode::FloodQuestions => flood::questions(config, request),
        Mode::FloodReads => flood::reads(config, request),
        Mode::HugeFinding => flood::huge_finding(config, out),
        Mode::HugeLog => flood::huge_log(config),
        Mode::LateError => flood::late_error(config, out),
        Mode::Swallow => swallow(config, request, out),
        Mode::LeakHandles => leak_handles(config.n, request),
        Mode::ObjectOutOfRange => out_of_range(request),
        Mode::Panic => panic(&config.text),
        _ => trap(),
    };
}

fn spin() -> u64 {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

/// Allocates `mib` MiB and touches every page.
fn memory(mib: u32) -> u64 {
    let blocks: Vec<Vec<u8>> = (0..mib).map(|_| vec![1; 1 << 20]).collect();
    black_box(&blocks);
    log::info("allocated", &[("mib", &mib.to_string())]);
    u64::from(mib)
}

/// Without an end, and not as a tail call.
#[expect(unconditional_recursion, reason = "it is what the test is about")]
fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 16]);
    recurse(depth + 1) + frame[0]
}

/// Emits what can be read of `paths`, and says nothing of the rest.
fn swallow(config: &Config, request: &RenderRequest, out: &Sink) -> u64 {
    let tree = request.tree();
    let readable = config.paths.iter().filter_map(|path| tree.read_all(path).ok());
    readable
        .map(|content| u64::from(out.emit(&Document::yaml(content))))
        .sum()
}

/// Opens `n` trees and drops none of them.
fn leak_handles(n: u32, request: &RenderRequest) -> u64 {
    for _ in 0..n {
        std::mem::forget(request.tree());
    }
    u64::from(n)
}

/// Asks for an object behind the last.
fn out_of_range(request: &RenderRequest) -> u64 {
    request.input().map_or(0, |set| set.body(set.len()).len() as u64)
}

fn panic(text: &str) -> u64 {
    panic!("{text}")
}

/// A trap without a word: what a fatal error of a run time ends in.
fn trap() -> u64 {
    #[cfg(target_arch = "wasm32")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_arch = "wasm32"))]
    std::process::abort();
}
