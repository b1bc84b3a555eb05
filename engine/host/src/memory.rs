//! How the process gets its memory from the system, and gives it back.

/// Arenas of the allocator. It makes eight a core for threads that meet; what each keeps of a passing crowd, none gives back.
/// With a thousand apps of 50 kB on two cores the engine had 244 MiB of its own resident with sixteen and 155 with one; a first apply
/// took no longer, for it is the API server that is waited for.
#[cfg(target_env = "gnu")]
const ARENAS: libc::c_int = 1;

/// Bytes from which on a block is the system's own, and goes back to it when it is freed. Left to itself, the allocator raises this
/// to the largest block that was ever freed, and a document of some hundred kilobytes then leaves a hole that small things fill.
/// With all three set, the same thousand apps took 141 to 158 MiB in six runs and 67 and 69 in two, of which nobody knows yet what they
/// had else.
#[cfg(target_env = "gnu")]
const OWN_BLOCK: libc::c_int = 64 << 10;

/// Free bytes at the end of the heap that are kept.
#[cfg(target_env = "gnu")]
const KEPT: libc::c_int = 128 << 10;

/// Has the allocator give back what nobody uses any more. Called once, before the first thread. Where the C library isn't GNU's there is
/// nothing to say: musl keeps little.
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    for (what, number) in [
        (libc::M_ARENA_MAX, ARENAS),
        (libc::M_MMAP_THRESHOLD, OWN_BLOCK),
        (libc::M_TRIM_THRESHOLD, KEPT),
    ] {
        set(what, number);
    }
}

#[cfg(target_env = "gnu")]
#[expect(
    unsafe_code,
    reason = "mallopt is C; it takes two numbers, and one that it does not know it ignores"
)]
fn set(what: libc::c_int, number: libc::c_int) {
    // SAFETY: no pointer goes in or comes out, and no other thread allocates yet.
    let _ = unsafe { libc::mallopt(what, number) };
}
