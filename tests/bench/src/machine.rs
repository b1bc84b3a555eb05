//! The machine and its memory, as Linux tells of them.

use std::fs;

/// Cores, processor, memory and kernel, in words.
pub(crate) fn describe() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let processor = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "an unknown processor".to_owned());
    let memory = field("/proc/meminfo", "MemTotal")
        .and_then(|text| kibibytes(&text))
        .unwrap_or_default()
        / 1024.0;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{cores} cores of {processor}, {memory:.0} GiB, Linux {}", kernel.trim())
}

/// The load averages of the last minutes.
pub(crate) fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// Resident memory of a process in MiB, now; `self` is this one. 0 when it is gone.
pub(crate) fn resident(process: &str) -> f64 {
    status(process, "VmRSS")
}

/// The most resident memory that a process ever had, in MiB.
pub(crate) fn peak(process: &str) -> f64 {
    status(process, "VmHWM")
}

/// Ticks a second of the times in `/proc`: Linux' `USER_HZ`, the same on every architecture that Windlass is built for.
const TICKS: f64 = 100.0;

/// CPU-seconds that a process and its children took, those that have ended included.
pub(crate) fn processor(process: u32) -> f64 {
    let ticks: f64 = family(process).into_iter().map(ticks).sum();
    ticks / TICKS
}

/// A process and all its living descendants.
pub(crate) fn family(process: u32) -> Vec<u32> {
    let mut family = vec![process];
    let tasks = fs::read_dir(format!("/proc/{process}/task"));
    for task in tasks.into_iter().flatten().flatten() {
        let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        for child in children.split_whitespace().filter_map(|id| id.parse().ok()) {
            family.extend(self::family(child));
        }
    }
    family
}

/// Of itself and of the children that it saw end: fields 14 to 17 of proc(5)'s `stat`.
fn ticks(process: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The second field, a name in parentheses, may hold anything.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let times = fields.split_whitespace().skip(11).take(4);
    times.filter_map(|time| time.parse::<f64>().ok()).sum()
}

fn status(process: &str, name: &str) -> f64 {
    field(&format!("/proc/{process}/status"), name)
        .and_then(|text| kibibytes(&text))
        .unwrap_or_default()
}

/// `123 kB` in MiB.
fn kibibytes(text: &str) -> Option<f64> {
    Some(text.split(' ').next()?.parse::<f64>().ok()? / 1024.0)
}

/// The first value of that name in a file of `name: value` lines.
fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    lines
        .find(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim().to_owned())
}
