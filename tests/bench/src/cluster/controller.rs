//! `windlass controller` over Apps that are objects, beside a bare client that makes the same writes.
//!
//! The controller is a process of its own, as `windlass install` runs it. What it writes is read from the API server's audit log: as service
//! accounts of Apps, and in its own name. The bare client then makes both, in a fresh cluster, object by object.

mod apps;
mod asked;
mod bare;
mod follower;
mod process;

use std::{
    thread,
    time::{Duration, Instant},
};

use windlass_tests::cluster::Cluster;

use super::{EAGER, has_servers, milliseconds, number, processor_of, quieten, shop::OBJECTS};
use crate::{
    figure::{Effort, Figure, Samples, Target, Unit},
    machine,
};
use apps::Apps;
use asked::{Asked, Log};
use bare::Replay;
use follower::Follower;
use process::Controller;

/// Apps of four objects each.
const APPS: usize = 1_000;
const QUICK_APPS: usize = 30;

/// Apps of which memory is measured, the most last.
const SIZES: [usize; 3] = [100, 1_000, 5_000];
const QUICK_SIZES: [usize; 3] = [10, 20, 30];

/// How long nothing happens, in seconds.
const IDLE: usize = 60;

/// Repositories that Apps are divided among where processes divide them.
const REPOSITORIES: usize = 8;

/// Processes of one installation, of which one is killed.
const PROCESSES: usize = 3;

/// The engine's own writes for an App, from its creation until it is ready.
const OWN_WRITES: f64 = 3.0;

/// What another App may add to the memory of engine and workers, in kB.
const GROWTH: f64 = 40.0;

/// Longest that so many Apps may take, on a machine that compiles.
fn patience(apps: usize) -> Duration {
    Duration::from_millis(500 * apps as u64).max(super::PATIENCE)
}

/// Apps are created at once, then a commit touches one of them.
pub(crate) fn measure(effort: Effort) -> Vec<Figure> {
    if !has_servers() {
        return Vec::new();
    }
    let apps = effort.apps(APPS, QUICK_APPS);
    let mut first = First::default();
    let mut replay = None;
    // Even, so that each side comes first as often as the other; what the bare client is to write, the first round has shown.
    for round in 0..effort.of(2, 1) {
        let bare_first = round % 2 == 1;
        if let (true, Some(replay)) = (bare_first, &replay) {
            first.take_bare(apps, replay);
        }
        let ours = first.take_ours(apps);
        let replay = replay.get_or_insert(ours.replay);
        first.commits.extend(one_of_many(effort, ours.run));
        if !bare_first {
            first.take_bare(apps, replay);
        }
    }
    first.figures(apps)
}

/// A controller at work over its Apps.
struct Run {
    controller: Controller,
    follower: Follower,
    log: Log,
    apps: Apps,
    // The last: the others end before the servers do.
    cluster: Cluster,
}

impl Run {
    /// All that is there before Apps are: the kinds, their namespaces, a repository that was fetched.
    fn start(apps: usize, repositories: usize, interval: &str) -> Self {
        let cluster = Cluster::start().expect("a cluster");
        let apps = Apps::new(&cluster, apps, repositories, interval);
        let controller = Controller::start(&cluster, &apps.state("one"));
        apps.until_fetched(super::PATIENCE);
        Self {
            follower: Follower::start(&cluster),
            log: Log::new(&cluster),
            controller,
            apps,
            cluster,
        }
    }

    /// Creates the Apps up to so many; when all of these were ready.
    fn create(&mut self, up_to: usize) -> Instant {
        self.apps.create(&self.cluster, up_to);
        self.follower.until(&self.apps.wanted(up_to), patience(up_to))
    }
}

/// A round of ours.
struct Ours {
    run: Run,
    replay: Replay,
}

/// Of Apps that were created at once, a round each.
#[derive(Default)]
struct First {
    ours: Vec<f64>,
    bare: Vec<f64>,
    processor: Vec<f64>,
    servers: Vec<f64>,
    bare_servers: Vec<f64>,
    /// Of the last round.
    asked: Asked,
    commits: Vec<Commit>,
}

impl First {
    fn take_ours(&mut self, apps: usize) -> Ours {
        let mut run = Run::start(apps, 1, EAGER);
        run.log.take();
        let (begun, servers, processor) = (Instant::now(), processor_of(&run.cluster), run.controller.processor());
        let ready = run.create(apps);
        self.ours.push((ready - begun).as_secs_f64());
        self.servers.push(processor_of(&run.cluster) - servers);
        self.processor.push(run.controller.processor() - processor);
        // Writes that nobody waits for come after.
        quieten();
        self.asked = run.log.take();
        let replay = Replay::of(&run.cluster, &self.asked);
        Ours { run, replay }
    }

    fn take_bare(&mut self, apps: usize, replay: &Replay) {
        let cluster = Cluster::start().expect("a cluster");
        let all = Apps::new(&cluster, apps, 1, EAGER);
        let before = processor_of(&cluster);
        self.bare.push(bare::write(&cluster, &all, replay));
        self.bare_servers.push(processor_of(&cluster) - before);
    }

    fn figures(self, apps: usize) -> Vec<Figure> {
        let asked = &self.asked;
        let own = asked.own();
        let for_apps = own.of_kind("windlass.dev/apps").total() + own.of_kind("windlass.dev/inventories").total();
        let mut figures = vec![
            Figure::new(
                format!("{apps} Apps × {OBJECTS} objects, created at once: until every App says that it is ready"),
                Samples::of(self.ours),
                Unit::Seconds,
            )
            .beside(
                "a bare client's writes, those of the engine's own included, 32 in flight",
                Some(Samples::of(self.bare)),
            )
            .within(Target::RatioAtMost(1.2)),
            Figure::new(
                "its CPU-seconds, engine and workers",
                Samples::of(self.processor),
                Unit::Seconds,
            ),
            Figure::new(
                "CPU-seconds of API server, etcd and controllers meanwhile",
                Samples::of(self.servers),
                Unit::Seconds,
            )
            .beside("for the bare client's writes", Some(Samples::of(self.bare_servers))),
            number("its writes of the Apps' objects", asked.of_apps().total())
                .within(Target::Exactly((apps * OBJECTS) as f64)),
            Figure::new(
                format!("its own writes an App, of all: {}", own.in_words()),
                Samples::of([for_apps as f64 / apps as f64]),
                Unit::Number,
            )
            .within(Target::AtMost(OWN_WRITES)),
            number("writes that the server refused", asked.refused()).within(Target::Exactly(0.0)),
            number("writes of Leases", asked.leases()),
            number("reads of single objects", asked.verb("get")),
            number("lists", asked.verb("list")),
            number("watches", asked.verb("watch")),
        ];
        figures.extend(Commit::figures(&self.commits, apps));
        figures
    }
}

/// A commit that changes one App.
struct Commit {
    after_fetch: f64,
    after_push: f64,
    processor: f64,
    asked: Asked,
}

/// Of each the time until its App says that it is ready at it.
fn one_of_many(effort: Effort, mut run: Run) -> Vec<Commit> {
    let mut commits = Vec::new();
    for round in 0..effort.of(5, 2) {
        let app = 7 * round + 3;
        run.log.take();
        let processor = run.controller.processor();
        let pushed = Instant::now();
        run.apps.commit_one(app, &format!("one-{round}"));
        let revision = run.apps.revision_of(app);
        let ready = run.follower.until(&run.apps.wanted_of(app), patience(1));
        let fetched = run.controller.until_fetched(&revision, patience(1));
        quieten();
        commits.push(Commit {
            after_fetch: milliseconds(ready.saturating_duration_since(fetched)),
            after_push: milliseconds(ready - pushed),
            processor: run.controller.processor() - processor,
            asked: run.log.take(),
        });
    }
    commits
}

impl Commit {
    fn figures(all: &[Self], apps: usize) -> Vec<Figure> {
        let Some(last) = all.last() else { return Vec::new() };
        let samples = |value: &dyn Fn(&Self) -> f64| Samples::of(all.iter().map(value));
        vec![
            Figure::new(
                format!(
                    "a commit that changes 1 of {apps} Apps: from the fetch (the engine's log) until the App says that it is ready"
                ),
                samples(&|commit| commit.after_fetch),
                Unit::Milliseconds,
            )
            .within(Target::AtMost(1_000.0)),
            Figure::new(
                format!("from the push, polled every {EAGER}"),
                samples(&|commit| commit.after_push),
                Unit::Milliseconds,
            ),
            Figure::new(
                format!("its requests, Leases aside; of the last: {}", last.asked.in_words()),
                samples(&|commit| (commit.asked.total() - commit.asked.leases()) as f64),
                Unit::Number,
            ),
            Figure::new(
                "CPU-seconds from the push until 3 s after it was ready",
                samples(&|commit| commit.processor),
                Unit::Seconds,
            ),
        ]
    }
}

/// Nothing happens.
pub(crate) fn idle(effort: Effort) -> Vec<Figure> {
    if !has_servers() {
        return Vec::new();
    }
    let (apps, time) = (effort.apps(APPS, QUICK_APPS), effort.idle(IDLE, 5));
    let mut run = Run::start(apps, 1, "");
    run.create(apps);
    quieten();
    run.log.take();
    let before = run.controller.processor();
    thread::sleep(Duration::from_secs(time as u64));
    let spent = run.controller.processor() - before;
    let asked = run.log.take();
    let (leases, watches) = (asked.leases(), asked.verb("watch"));
    let mut figures = vec![
        Figure::new(
            format!("{time} s without a change, {apps} Apps: CPU-seconds of engine and workers"),
            Samples::of([spent]),
            Unit::Seconds,
        ),
        number(
            format!(
                "requests meanwhile beside watches and Leases; all of them: {}",
                asked.in_words()
            ),
            asked.total() - leases - watches,
        )
        .within(Target::Exactly(0.0)),
        number("writes of Leases", leases),
        number("watches that were begun anew", watches),
    ];
    figures.extend(memory_of(&run.controller, "after it"));
    figures
}

fn memory_of(controller: &Controller, when: &str) -> [Figure; 2] {
    let figure = |what: &str, value| {
        Figure::new(
            format!("engine and workers: {what}, {when}"),
            Samples::of([value]),
            Unit::Mebibytes,
        )
    };
    [
        figure("resident", controller.memory(machine::resident)),
        figure("the most ever resident", controller.memory(machine::peak)),
    ]
}

/// What more Apps take.
pub(crate) fn memory(effort: Effort) -> Vec<Figure> {
    if !has_servers() {
        return Vec::new();
    }
    let sizes = if effort.is_quick { QUICK_SIZES } else { SIZES };
    let most = effort.apps(sizes[2], sizes[2]);
    let sizes: Vec<usize> = sizes.into_iter().filter(|size| *size <= most).collect();
    let mut run = Run::start(most, 1, EAGER);
    let mut figures = Vec::new();
    let mut resident: Vec<[f64; 2]> = Vec::new();
    for size in &sizes {
        run.create(*size);
        quieten();
        let grown = run.controller.memory(machine::resident);
        figures.extend(memory_of(&run.controller, &format!("{size} Apps, applied by it")));
        let state = run.apps.state("one");
        run.controller.kill();
        run.controller = Controller::start(&run.cluster, &state);
        run.controller.until_healthy(*size, patience(*size));
        quieten();
        let fresh = run.controller.memory(machine::resident);
        figures.extend(memory_of(&run.controller, &format!("{size} Apps, started anew")));
        resident.push([grown, fresh]);
    }
    for (pair, of) in sizes.windows(2).zip(resident.windows(2)) {
        for (index, how) in ["applied by it", "started anew"].iter().enumerate() {
            let kilobytes = (of[1][index] - of[0][index]) * 1_048.576;
            figures.push(
                Figure::new(
                    format!("what an App adds, from {} to {} Apps, {how}", pair[0], pair[1]),
                    Samples::of([kilobytes / (pair[1] - pair[0]) as f64]),
                    Unit::Kilobytes,
                )
                .within(Target::AtMost(GROWTH)),
            );
        }
    }
    figures
}

/// `kill -9`, and a commit to every App: how long it takes until it is applied.
pub(crate) fn fail_over(effort: Effort) -> Vec<Figure> {
    if !has_servers() {
        return Vec::new();
    }
    let apps = effort.apps(APPS, QUICK_APPS);
    let mut figures = alone(apps);
    figures.extend(together(apps));
    figures
}

/// One process, started again by whoever supervises it.
fn alone(apps: usize) -> Vec<Figure> {
    let mut run = Run::start(apps, REPOSITORIES, EAGER);
    run.create(apps);
    quieten();
    run.log.take();
    let begun = Instant::now();
    run.controller.kill();
    run.apps.commit_all("after");
    run.controller = Controller::start(&run.cluster, &run.apps.state("one"));
    let served = run.follower.until(&run.apps.wanted(apps), patience(apps));
    quieten();
    let what = format!(
        "`kill -9` of the only process, a commit to each of {apps} Apps in {REPOSITORIES} repositories, started again"
    );
    after_a_kill(&what, apps, (served - begun).as_secs_f64(), &run.log.take())
}

/// Several processes of one installation: the others take over. Empty where processes don't divide Repositories by Leases.
fn together(apps: usize) -> Vec<Figure> {
    let mut run = Run::start(apps, REPOSITORIES, EAGER);
    if !run.apps.has_leases(&run.cluster) {
        return Vec::new();
    }
    let mut others: Vec<Controller> = (1..PROCESSES)
        .map(|index| Controller::start(&run.cluster, &run.apps.state(&format!("other{index}"))))
        .collect();
    // They divide what there is.
    quieten();
    run.create(apps);
    quieten();
    // Who told of the most Apps holds something.
    let told: Vec<usize> = others.iter_mut().map(Controller::told).collect();
    let mut held = run.controller.told();
    for (index, told) in told.into_iter().enumerate() {
        if told > held {
            held = told;
            std::mem::swap(&mut run.controller, &mut others[index]);
        }
    }
    run.log.take();
    let begun = Instant::now();
    run.controller.kill();
    run.apps.commit_all("after");
    let served = run.follower.until(&run.apps.wanted(apps), patience(apps));
    quieten();
    let what = format!(
        "`kill -9` of one of {PROCESSES} processes, which had told of {held} Apps, and a commit to each of {apps} Apps in \
         {REPOSITORIES} repositories"
    );
    after_a_kill(&what, apps, (served - begun).as_secs_f64(), &run.log.take())
}

fn after_a_kill(what: &str, apps: usize, took: f64, asked: &Asked) -> Vec<Figure> {
    vec![
        Figure::new(
            format!("{what}: until every App says that it is ready at it, from the kill"),
            Samples::of([took]),
            Unit::Seconds,
        ),
        number("writes of the Apps' objects meanwhile", asked.of_apps().total()).within(Target::Exactly(apps as f64)),
        Figure::new(
            format!("the engine's own writes an App; of all: {}", asked.own().in_words()),
            Samples::of([asked.own().total() as f64 / apps as f64]),
            Unit::Number,
        ),
        number("writes that the server refused", asked.refused()),
        number("writes of Leases", asked.leases()),
    ]
}
