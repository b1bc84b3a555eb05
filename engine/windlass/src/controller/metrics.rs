//! What the controller did and how it stands, for Prometheus.
//!
//! No label is made of what teams name: how many series there are hangs on the engine, and on how many Clusters it has, never on Apps.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError, atomic::AtomicU64},
};

use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge, info::Info},
    registry::{Registry, Unit},
};

use crate::{
    engine::Engine,
    report::{Health, RenderKind, Report},
    run::Event,
};

type Labels = Vec<(&'static str, String)>;
type Counts = Family<Labels, Counter>;
type Numbers = Family<Labels, Gauge>;

/// All series.
pub(crate) struct Metrics {
    registry: Registry,
    apps: Numbers,
    repositories: Numbers,
    cycles: Counts,
    renders: Counts,
    changes: Counts,
    edits: Counts,
    fetches: Counts,
    writes: Counts,
    requests: Numbers,
    memory: Gauge,
    cpu: Gauge<f64, AtomicU64>,
    standing: Mutex<Standing>,
}

/// Where everything stood last.
#[derive(Default)]
struct Standing {
    apps: BTreeMap<String, Health>,
    repositories: BTreeMap<String, bool>,
}

/// Where an App may stand.
const HEALTHS: [Health; 9] = [
    Health::Healthy,
    Health::Progressing,
    Health::Degraded,
    Health::Pending,
    Health::Stalled,
    Health::Held,
    Health::Suspended,
    Health::RolledBack,
    Health::Failed,
];

fn label(name: &'static str, value: &str) -> Labels {
    vec![(name, value.to_owned())]
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("windlass");
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The version that runs", build);
        let metrics = Self {
            apps: Family::default(),
            repositories: Family::default(),
            cycles: Family::default(),
            renders: Family::default(),
            changes: Family::default(),
            edits: Family::default(),
            fetches: Family::default(),
            writes: Family::default(),
            requests: Family::default(),
            memory: Gauge::default(),
            cpu: Gauge::default(),
            standing: Mutex::default(),
            registry,
        };
        metrics.registered()
    }

    fn registered(mut self) -> Self {
        let registry = &mut self.registry;
        registry.register("apps", "Apps, by where they stand", self.apps.clone());
        registry.register(
            "repositories",
            "Repositories, by whether their last poll gave a commit",
            self.repositories.clone(),
        );
        registry.register(
            "cycles",
            "Cycles of Apps that ended, by where the App stood then",
            self.cycles.clone(),
        );
        registry.register(
            "renders",
            "Renders, by whether the plugin was called",
            self.renders.clone(),
        );
        registry.register(
            "object_changes",
            "Objects changed on targets, by what was done",
            self.changes.clone(),
        );
        registry.register(
            "drift_edits",
            "Edits of others that were found on objects of Apps, by whether they were undone",
            self.edits.clone(),
        );
        registry.register(
            "source_polls",
            "Polls of Repositories that changed something or failed",
            self.fetches.clone(),
        );
        registry.register(
            "own_writes",
            "Writes into Windlass' own objects, by kind, by what was written and by whether it was taken",
            self.writes.clone(),
        );
        registry.register(
            "api_requests",
            "Requests to API servers since each was connected, by Cluster, verb and HTTP status (0: no answer)",
            self.requests.clone(),
        );
        registry.register_with_unit(
            "resident_memory",
            "Resident memory of the engine itself",
            Unit::Bytes,
            self.memory.clone(),
        );
        registry.register_with_unit("cpu", "CPU time of the engine itself", Unit::Seconds, self.cpu.clone());
        self
    }

    fn standing(&self) -> std::sync::MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts what happened.
    pub(crate) fn take(&self, event: &Event) {
        match event {
            Event::Report(report) => self.take_report(report),
            Event::Fetched { repository, .. } => {
                self.fetches.get_or_create(&label("outcome", "commit")).inc();
                self.standing().repositories.insert(repository.clone(), true);
            }
            Event::SourceRecovered { repository, .. } => {
                self.standing().repositories.insert(repository.clone(), true);
            }
            Event::SourceFailed { repository, .. } => {
                self.fetches.get_or_create(&label("outcome", "failed")).inc();
                self.standing().repositories.insert(repository.clone(), false);
            }
            _ => {}
        }
    }

    fn take_report(&self, report: &Report) {
        self.cycles.get_or_create(&label("health", report.health.word())).inc();
        if let Some(kind) = report.render {
            let kind = match kind {
                RenderKind::Fresh => "fresh",
                RenderKind::Cached => "cached",
            };
            self.renders.get_or_create(&label("render", kind)).inc();
        }
        let counts = &report.changes;
        for (action, count) in [
            ("created", counts.created),
            ("configured", counts.configured),
            ("deleted", counts.deleted),
        ] {
            if count > 0 {
                self.changes
                    .get_or_create(&label("action", action))
                    .inc_by(count as u64);
            }
        }
        for edit in &report.drifted {
            let repaired = if edit.repaired { "true" } else { "false" };
            self.edits.get_or_create(&label("repaired", repaired)).inc();
        }
        self.standing().apps.insert(report.app.clone(), report.health);
    }

    /// A write into one of Windlass' own objects ended.
    pub(crate) fn wrote(&self, kind: &str, what: &str, taken: bool) {
        let labels = vec![
            ("kind", kind.to_owned()),
            ("what", what.to_owned()),
            ("taken", taken.to_string()),
        ];
        self.writes.get_or_create(&labels).inc();
    }

    /// As Prometheus reads it (OpenMetrics text).
    pub(crate) fn text(&self, engine: Option<&Engine>) -> String {
        if let Some(engine) = engine {
            self.look(engine);
        }
        let mut text = String::new();
        // Writing to a string doesn't fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    fn look(&self, engine: &Engine) {
        let config = engine.config();
        let mut standing = self.standing();
        standing.apps.retain(|app, _| config.apps.contains_key(app));
        standing
            .repositories
            .retain(|name, _| config.repositories.contains_key(name));
        for health in HEALTHS {
            let count = standing.apps.values().filter(|of| **of == health).count();
            self.apps
                .get_or_create(&label("health", health.word()))
                .set(count as i64);
        }
        let unknown = config.apps.len().saturating_sub(standing.apps.len());
        self.apps.get_or_create(&label("health", "unknown")).set(unknown as i64);
        for (ready, word) in [(true, "true"), (false, "false")] {
            let count = standing.repositories.values().filter(|is| **is == ready).count();
            self.repositories.get_or_create(&label("ready", word)).set(count as i64);
        }
        drop(standing);
        self.requests.clear();
        for (cluster, shared) in engine.clusters().all() {
            let mut counts: BTreeMap<(&'static str, u16), u64> = BTreeMap::new();
            for (series, count) in shared.api.connection().requests().all() {
                *counts.entry((series.verb.as_str(), series.code)).or_default() += count;
            }
            for ((verb, code), count) in counts {
                let labels = vec![
                    ("cluster", cluster.clone()),
                    ("verb", verb.to_owned()),
                    ("code", code.to_string()),
                ];
                self.requests.get_or_create(&labels).set(count as i64);
            }
        }
        let (memory, cpu) = usage();
        self.memory.set(memory as i64);
        self.cpu.set(cpu);
    }
}

/// Resident bytes and CPU-seconds of this process; zeros where there is no `/proc`.
fn usage() -> (u64, f64) {
    let page = rustix::param::page_size() as u64;
    let ticks = rustix::param::clock_ticks_per_second() as f64;
    let memory = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let resident = memory.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name in the second field may hold anything but is closed by the last `)`; utime and stime are fields 14 and 15 (proc(5)).
    let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
    let fields: Vec<u64> = after
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse().ok())
        .collect();
    let used: u64 = fields.iter().sum();
    (resident.unwrap_or_default() * page, used as f64 / ticks)
}

#[cfg(test)]
mod tests {
    use windlass_core::render::{Diagnostic, Location};

    use super::*;

    #[test]
    fn what_happened_is_counted_and_explained() {
        let metrics = Metrics::new();
        let mut report = Report::new("shop/api");
        report.health = Health::Healthy;
        report.render = Some(RenderKind::Fresh);
        report.changes.created = 3;
        metrics.take(&Event::Report(report));
        metrics.take(&Event::SourceFailed {
            repository: "shop/r".into(),
            diagnostic: Diagnostic::error("source", "no", Location::None),
        });
        metrics.wrote("App", "status", true);
        let text = metrics.text(None);
        for line in [
            "# HELP windlass_cycles Cycles of Apps that ended, by where the App stood then.",
            "windlass_cycles_total{health=\"healthy\"} 1",
            "windlass_renders_total{render=\"fresh\"} 1",
            "windlass_object_changes_total{action=\"created\"} 3",
            "windlass_source_polls_total{outcome=\"failed\"} 1",
            "windlass_own_writes_total{kind=\"App\",what=\"status\",taken=\"true\"} 1",
            "# UNIT windlass_resident_memory_bytes bytes",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(!text.contains("shop"), "no label is a team's word\n{text}");
    }

    #[test]
    fn a_process_uses_something() {
        let (memory, cpu) = usage();
        assert!(memory > 1 << 20 && cpu >= 0.0);
    }
}
