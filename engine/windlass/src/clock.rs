//! What time it is, in one place.
//!
//! Tests say when a process starts: `WINDLASS_CLOCK=2026-01-05T08:59:58Z`. From there its clock goes on as every other. Release
//! builds hold nothing of it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use windlass_core::render::Instant;

/// Now.
pub(crate) fn now() -> Instant {
    #[cfg(debug_assertions)]
    if let Some(now) = pretended() {
        return now;
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Instant {
        seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        nanoseconds: since.subsec_nanos(),
    }
}

/// In so long.
pub(crate) fn after(wait: Duration) -> Instant {
    let now = now();
    let nanoseconds = u64::from(now.nanoseconds) + u64::from(wait.subsec_nanos());
    let whole = wait.as_secs().saturating_add(nanoseconds / 1_000_000_000);
    Instant {
        seconds: now.seconds.saturating_add_unsigned(whole),
        nanoseconds: u32::try_from(nanoseconds % 1_000_000_000).unwrap_or_default(),
    }
}

#[cfg(debug_assertions)]
fn pretended() -> Option<Instant> {
    use std::sync::LazyLock;

    use windlass_core::moment;
    static BEGAN: LazyLock<Option<(Instant, std::time::Instant)>> = LazyLock::new(|| {
        let text = std::env::var("WINDLASS_CLOCK").ok()?;
        Some((moment::parse(&text)?, std::time::Instant::now()))
    });
    let (start, began) = (*BEGAN)?;
    let passed = began.elapsed();
    Some(Instant {
        seconds: start.seconds + i64::try_from(passed.as_secs()).unwrap_or_default(),
        nanoseconds: passed.subsec_nanos(),
    })
}
