//! The loop onto a real API server, beside a bare client that makes the same writes.
//!
//! API server, etcd, controllers, the bare client and the engine share the cores of the machine, so that what the engine takes is
//! missing elsewhere: that is what the ratio measures. The engine is a process of its own, with its own `windlass run`. With
//! `--with-flux`, Flux takes the same apps onto a server of its own in each round.

mod shop;
mod floor;
mod engine;
mod git;
mod flux;
mod traffic;
mod edits;
mod receiver;
pub(crate) mod feedback;
pub(crate) mod controller;

use std::{
    thread,
    time::{Duration, Instant},
};

use windlass_tests::cluster::Cluster;

use crate::figure::{Effort, Figure, Samples, Target, Unit};
pub(crate) use engine::AS_ENGINE;
pub(crate) use flux::PROGRAMS as FLUX;

use edits::Editor;
use engine::Engine;
use shop::{OBJECTS, Shop, Weight};
use traffic::Traffic;

/// Apps of four objects each.
const APPS: usize = 1_000;
const QUICK_APPS: usize = 50;

/// Writes of a bare client under way at a time. More bring nothing: this fills an API server on two cores.
const IN_FLIGHT: usize = 32;

/// How long nothing happens when idleness is measured, in seconds.
const IDLE: usize = 600;

/// Edits by hand, one after another.
const EDITS: usize = 100;

/// Polls come this often where a commit's way is measured. Idleness is measured with the interval that nobody chose.
const EAGER: &str = "1s";

/// Longest that anything here may take: a thousand apps on a machine that compiles.
const PATIENCE: Duration = Duration::from_secs(400);

/// Without servers there is nothing to measure.
fn has_servers() -> bool {
    std::env::var_os("WINDLASS_CLUSTER_TOOLS").is_some()
}

/// First apply beside the floor, commits, drift, a kill.
pub(crate) fn measure(effort: Effort) -> Vec<Figure> {
    if !has_servers() {
        return Vec::new();
    }
    let apps = effort.apps(APPS, QUICK_APPS);
    let mut first = First::default();
    let mut last = None;
    let mut flux = Vec::new();
    // Even, so that each side comes first as often as the other.
    let rounds = effort.of(4, 1);
    for round in 0..rounds {
        // What the round before left: a server, its objects, the engine.
        drop(last.take());
        let is_last = round + 1 == rounds;
        // In turns; but what the last round leaves of ours is measured further.
        let begin_with_flux = is_last || !round.is_multiple_of(2);
        let mut take_flux = || {
            // A round of it takes ten minutes, so the middle one is ours alone.
            if flux::is_wanted() && (round == 0 || is_last) {
                let share = (2 * round + 1) as f64 / (2 * rounds) as f64;
                flux.push(flux::measure(effort, apps, share, is_last));
                quieten();
            }
        };
        if begin_with_flux {
            take_flux();
        }
        // A server of its own for each side: what the other wrote keeps controllers busy for longer than it took to write.
        let mut take_floor = || {
            let cluster = Cluster::start().expect("a cluster");
            let before = processor_of(&cluster);
            first.floor.push(floor::write(&cluster, apps));
            first.floor_servers.push(processor_of(&cluster) - before);
        };
        let begin_with_floor = is_last || !round.is_multiple_of(2);
        if begin_with_floor {
            take_floor();
        }
        let cluster = Cluster::start().expect("a cluster");
        let shop = Shop::new(&cluster, "ours", apps, Weight::Light);
        shop.commit_all("first");
        let mut traffic = Traffic::new(&cluster);
        let (begun, before) = (Instant::now(), processor_of(&cluster));
        let mut engine = Engine::start(&shop, EAGER);
        let settled = engine.until_all_are_at(&shop.revision(), PATIENCE);
        first.ours.push((settled - begun).as_secs_f64());
        first.servers.push(processor_of(&cluster) - before);
        first.processor.push(engine.processor());
        first.requests = traffic.take();
        let healthy = engine.until_all_are_healthy_at(&shop.revision(), PATIENCE);
        first.healthy.push((healthy - begun).as_secs_f64());
        if begin_with_flux {
            last = Some((engine, traffic, shop, cluster));
        } else {
            drop((engine, traffic, shop, cluster));
            if !begin_with_floor {
                take_floor();
            }
            take_flux();
        }
    }
    let flux = Flux(flux);
    let mut figures = first.figures(apps, &flux);
    let Some((mut engine, mut traffic, shop, cluster)) = last else {
        return figures;
    };
    quieten();
    figures.extend(one_of_many(effort, &shop, &mut engine, &mut traffic, &flux));
    figures.extend(all(&shop, &mut engine, &mut traffic));
    quieten();
    let mut editor = Editor::new(&cluster, &shop);
    let latencies: Vec<f64> = (0..effort.of(EDITS, 20)).map(|_| editor.edit_and_wait()).collect();
    let [half, most] = edits::figures("drift → repaired", &latencies);
    figures.push(half.and(flux::NAME, flux.of_edits(|edits| Samples::of(edits.iter().copied()))));
    figures.push(most.and(flux::NAME, flux.of_edits(|edits| Samples::of([edits::p99(edits)]))));
    figures.extend(drift_during_a_sync(&shop, &mut engine, &mut editor));
    let [resident, peak] = memory_of(&engine, "after all this");
    figures.push(resident.and(flux::NAME, flux.of(|round| round.resident)));
    figures.push(peak.and(flux::NAME, flux.of(|round| round.peak)));
    quieten();
    figures.extend(killed(engine, &shop, &mut editor, &mut traffic));
    figures.extend(flux.own());
    figures
}

/// Rounds of Flux; none where it isn't measured.
struct Flux(Vec<flux::Round>);

impl Flux {
    fn of(&self, value: impl Fn(&flux::Round) -> f64) -> Option<Samples> {
        (!self.0.is_empty()).then(|| Samples::of(self.0.iter().map(value)))
    }

    fn of_edits(&self, value: impl Fn(&[f64]) -> Samples) -> Option<Samples> {
        let edits = self.0.last().map(|round| &round.edits);
        edits.filter(|edits| !edits.is_empty()).map(|edits| value(edits))
    }

    /// What has no counterpart of ours.
    fn own(&self) -> Vec<Figure> {
        let figure = |work: &str, value: &dyn Fn(&flux::Round) -> f64, unit| {
            self.of(value)
                .map(|samples| Figure::new(format!("{} alone: {work}", flux::NAME), samples, unit))
        };
        let Some(last) = self.0.last() else {
            return Vec::new();
        };
        let edits = last.edits.len();
        let all = format!(
            "requests of a first apply, in the last round: {}",
            last.requests.by_verb()
        );
        let one = format!(
            "requests after a commit that changes 1 app, in the last round: {}",
            last.commit.requests.by_verb()
        );
        [
            figure(
                "a first apply, until every Kustomization said that it was ready",
                &|round| round.ready,
                Unit::Seconds,
            ),
            figure(&all, &|round| round.requests.total() as f64, Unit::Number),
            figure(
                "a commit that changes 1 app, until every Kustomization had been looked at",
                &|round| round.commit.all,
                Unit::Seconds,
            ),
            figure(&one, &|round| round.commit.requests.total() as f64, Unit::Number),
            figure("edits by hand that were waited for", &|_| edits as f64, Unit::Number),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// Nothing happens.
pub(crate) fn idle(effort: Effort) -> Vec<Figure> {
    if !has_servers() {
        return Vec::new();
    }
    let apps = effort.apps(APPS, QUICK_APPS);
    let time = effort.idle(IDLE, 10);
    let cluster = Cluster::start().expect("a cluster");
    let shop = Shop::new(&cluster, "ours", apps, Weight::Light);
    shop.commit_all("first");
    let mut engine = Engine::start(&shop, "");
    engine.until_all_are_at(&shop.revision(), PATIENCE);
    quieten();
    let mut traffic = Traffic::new(&cluster);
    let before = engine.processor();
    thread::sleep(Duration::from_secs(time as u64));
    let spent = engine.processor() - before;
    let requests = traffic.take();
    let mut figures = vec![
        Figure::new(
            format!("{time} s without a change, {apps} apps: CPU-seconds of engine and workers"),
            Samples::of([spent]),
            Unit::Seconds,
        )
        .within(Target::AtMost(1.0)),
        number(
            "requests meanwhile, watches aside",
            requests.total() - requests.of("watch"),
        )
        .within(Target::Exactly(0.0)),
        number("watches that were begun anew", requests.of("watch")),
    ];
    figures.extend(memory_of(&engine, "after it"));
    figures
}

/// What the engine holds when objects are big and kinds are many.
pub(crate) fn memory(effort: Effort) -> Vec<Figure> {
    if !has_servers() {
        return Vec::new();
    }
    let apps = effort.apps(APPS, QUICK_APPS);
    let kinds = effort.of(100, 5);
    let mut figures = Vec::new();
    for (weight, words) in [
        (Weight::Heavy, "with an object of 50 kB in each app".to_owned()),
        (Weight::Kinds(kinds), format!("with {kinds} kinds by definition")),
    ] {
        let cluster = Cluster::start().expect("a cluster");
        let shop = Shop::new(&cluster, "ours", apps, weight);
        shop.commit_all("first");
        let mut engine = Engine::start(&shop, EAGER);
        engine.until_all_are_at(&shop.revision(), PATIENCE);
        shop.commit_all("second");
        engine.until_all_are_at(&shop.revision(), PATIENCE);
        figures.extend(memory_of(
            &engine,
            &format!("{apps} apps {words}, after two commits to all"),
        ));
    }
    figures
}

/// First applies, a round each.
#[derive(Default)]
struct First {
    floor: Vec<f64>,
    ours: Vec<f64>,
    healthy: Vec<f64>,
    processor: Vec<f64>,
    /// CPU-seconds of the API server, etcd and the controllers meanwhile.
    servers: Vec<f64>,
    floor_servers: Vec<f64>,
    /// Of the last round.
    requests: traffic::Requests,
}

impl First {
    fn figures(self, apps: usize, flux: &Flux) -> Vec<Figure> {
        let Self {
            floor,
            ours,
            healthy,
            processor,
            servers,
            floor_servers,
            requests,
        } = self;
        let objects = apps * OBJECTS;
        let theirs = |verb: &str| flux.of(|round| round.requests.of(verb) as f64);
        vec![
            Figure::new(
                format!("first apply of {apps} apps × {OBJECTS} objects, from the start of the process"),
                Samples::of(ours),
                Unit::Seconds,
            )
            .beside("a bare client's writes, 32 in flight", Some(Samples::of(floor)))
            .and(flux::NAME, flux.of(|round| round.lives))
            .within(Target::RatioAtMost(1.2)),
            Figure::new("until every app was healthy", Samples::of(healthy), Unit::Seconds)
                .and(flux::NAME, flux.of(|round| round.ready)),
            Figure::new(
                "its CPU-seconds, engine and workers, until all was applied",
                Samples::of(processor),
                Unit::Seconds,
            )
            .and(flux::NAME, flux.of(|round| round.processor)),
            Figure::new(
                "CPU-seconds of API server, etcd and controllers meanwhile",
                Samples::of(servers),
                Unit::Seconds,
            )
            .beside("for the bare client's writes", Some(Samples::of(floor_servers))),
            number("its writes", requests.writes())
                .and(flux::NAME, flux.of(|round| round.requests.writes() as f64))
                .within(Target::Exactly(objects as f64)),
            number("its reads of single objects", requests.of("get"))
                .and(flux::NAME, theirs("get"))
                .within(Target::Exactly(0.0)),
            number("its lists: first contact, first lists of watches", requests.of("list"))
                .and(flux::NAME, theirs("list")),
            number("its watches", requests.of("watch")).and(flux::NAME, theirs("watch")),
            number("its questions to discovery", requests.of("discovery")).and(flux::NAME, theirs("discovery")),
        ]
    }
}

/// A commit that changes one app.
fn one_of_many(effort: Effort, shop: &Shop, engine: &mut Engine, traffic: &mut Traffic, flux: &Flux) -> Vec<Figure> {
    let (mut after_fetch, mut after_push) = (Vec::new(), Vec::new());
    let (mut renders, mut requests, mut processor) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..effort.of(5, 2) {
        let app = 7 * round + 3;
        traffic.take();
        engine.forget_renders();
        let before = engine.processor();
        let pushed = Instant::now();
        shop.commit_one(app, &format!("one-{round}"));
        let revision = shop.revision();
        let ready = engine.until_one_is_at(&shop::app(app), &revision, PATIENCE);
        after_push.push(milliseconds(ready - pushed));
        let fetched = engine.until_fetched(&revision, PATIENCE);
        after_fetch.push(milliseconds(ready - fetched));
        engine.until_all_are_at(&revision, PATIENCE);
        processor.push(engine.processor() - before);
        renders.push(engine.renders() as f64);
        requests.push(traffic.take().total() as f64);
    }
    let apps = shop.apps();
    vec![
        Figure::new(
            format!("a commit that changes 1 of {apps} apps: from the fetch (the engine's log) to healthy"),
            Samples::of(after_fetch),
            Unit::Milliseconds,
        )
        .and(flux::NAME, flux.of(|round| round.commit.after_artifact))
        .within(Target::AtMost(1_000.0)),
        Figure::new(
            format!("from the push, polled every {EAGER}"),
            Samples::of(after_push),
            Unit::Milliseconds,
        )
        .and(flux::NAME, flux.of(|round| round.commit.after_request)),
        Figure::new("renders after it", Samples::of(renders), Unit::Number).within(Target::Exactly(1.0)),
        Figure::new("requests after it", Samples::of(requests), Unit::Number)
            .and(flux::NAME, flux.of(|round| round.commit.requests.total() as f64))
            .within(Target::AtMost(3.0)),
        Figure::new(
            "CPU-seconds from the push until all apps were looked at",
            Samples::of(processor),
            Unit::Seconds,
        )
        .and(flux::NAME, flux.of(|round| round.commit.processor)),
    ]
}

/// A commit that changes an object of every app.
fn all(shop: &Shop, engine: &mut Engine, traffic: &mut Traffic) -> Vec<Figure> {
    traffic.take();
    let before = engine.processor();
    shop.commit_all("all");
    let revision = shop.revision();
    let end = engine.until_all_are_at(&revision, PATIENCE);
    let fetched = engine.until_fetched(&revision, PATIENCE);
    let requests = traffic.take();
    vec![
        Figure::new(
            format!("a commit that changes an object of each of {} apps", shop.apps()),
            Samples::of([(end - fetched).as_secs_f64()]),
            Unit::Seconds,
        ),
        Figure::new(
            "its CPU-seconds",
            Samples::of([engine.processor() - before]),
            Unit::Seconds,
        ),
        number("its writes", requests.writes()).within(Target::Exactly(shop.apps() as f64)),
        number("its other requests", requests.total() - requests.writes()),
    ]
}

/// People go on editing while everything is written.
fn drift_during_a_sync(shop: &Shop, engine: &mut Engine, editor: &mut Editor) -> [Figure; 2] {
    shop.commit_all("meanwhile");
    let revision = shop.revision();
    engine.until_fetched(&revision, PATIENCE);
    let mut latencies = Vec::new();
    while !engine.are_all_at(&revision) {
        latencies.push(editor.edit_and_wait());
    }
    edits::figures("drift → repaired, during a sync of all apps", &latencies)
}

/// `kill -9`, edits, and a restart.
fn killed(engine: Engine, shop: &Shop, editor: &mut Editor, traffic: &mut Traffic) -> Vec<Figure> {
    drop(engine);
    let edited: Vec<_> = (0..10).map(|_| editor.edit()).collect();
    traffic.take();
    let begun = Instant::now();
    let mut engine = Engine::start(shop, EAGER);
    let settled = engine.until_all_are_at(&shop.revision(), PATIENCE);
    let requests = traffic.take();
    let found = edited.iter().filter(|edit| editor.is_repaired(edit)).count();
    vec![
        Figure::new(
            format!(
                "`kill -9`, 10 edits, restart: {} apps settled, from the start",
                shop.apps()
            ),
            Samples::of([(settled - begun).as_secs_f64()]),
            Unit::Seconds,
        ),
        Figure::new("its CPU-seconds", Samples::of([engine.processor()]), Unit::Seconds),
        number("of the 10 edits, found and undone", found).within(Target::Exactly(10.0)),
        number("writes beside those", requests.writes().saturating_sub(edited.len())).within(Target::Exactly(0.0)),
        number("writes that met the edits as conflicts", requests.refused()),
        number(
            "reads of single objects and lists",
            requests.of("get") + requests.of("list"),
        ),
        number("its watches", requests.of("watch")),
    ]
}

fn memory_of(engine: &Engine, when: &str) -> [Figure; 2] {
    let figure = |work: String, value| Figure::new(work, Samples::of([value]), Unit::Mebibytes);
    [
        figure(
            format!("engine and workers: resident, {when}"),
            engine.memory(crate::machine::resident),
        )
        .within(Target::AtMost(200.0)),
        figure(
            format!("engine and workers: the most ever resident, {when}"),
            engine.memory(crate::machine::peak),
        )
        .within(Target::AtMost(200.0)),
    ]
}

/// CPU-seconds of a cluster's processes so far. One of them has started the others, so that its family is all of them.
fn processor_of(cluster: &Cluster) -> f64 {
    let processes = cluster.processes().iter();
    processes
        .map(|process| crate::machine::processor(process.id))
        .fold(0.0, f64::max)
}

/// Controllers and the last answers of watches come to rest.
fn quieten() {
    thread::sleep(Duration::from_secs(3));
}

fn milliseconds(time: Duration) -> f64 {
    crate::figure::milliseconds(time)
}

fn number(work: impl Into<String>, value: usize) -> Figure {
    Figure::new(work, Samples::of([value as f64]), Unit::Number)
}
