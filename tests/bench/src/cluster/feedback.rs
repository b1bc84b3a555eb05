//! What comes after the apply: how soon somebody is told, and what those who wait cost those who don't.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use windlass_tests::cluster::{Client, Cluster, Content, Session};

use super::{
    EAGER, IN_FLIGHT, PATIENCE,
    edits::Editor,
    engine::Engine,
    has_servers, number, quieten,
    receiver::Receiver,
    shop::{self, Shop, Weight},
    traffic::Traffic,
};
use crate::figure::{Effort, Figure, Samples, Target, Unit, milliseconds};

/// Apps beside the one that is stuck.
const BESIDE: usize = 100;

/// Commits, and edits, whose way to the receiver is measured.
const TOLD: usize = 20;

/// Apps whose health turns.
const TURNING: usize = 1_000;

/// Times that each turns.
const TURNS: usize = 6;

/// How long an app is left stuck while nothing else happens, in seconds.
const STUCK: usize = 30;

/// Nobody is told later than this.
const TELLING: Duration = Duration::from_secs(60);

/// From a push or an edit to the receiver; an app that is stuck; health that turns.
pub(crate) fn measure(effort: Effort) -> Vec<Figure> {
    if !has_servers() {
        return Vec::new();
    }
    let mut figures = beside_others(effort);
    figures.extend(turning(effort));
    figures
}

fn beside_others(effort: Effort) -> Vec<Figure> {
    let apps = effort.of(BESIDE, 10) + 1;
    let cluster = Cluster::start().expect("a cluster");
    let mut shop = Shop::new(&cluster, "told", apps, Weight::Light);
    let receiver = Receiver::start();
    shop.tell(&receiver.url());
    shop.commit_all("first");
    let mut engine = Engine::start(&shop, EAGER);
    engine.until_all_are_healthy_at(&shop.revision(), PATIENCE);
    quieten();
    receiver.forget();
    let mut figures = pushes(effort, &shop, &mut engine, &receiver);
    figures.push(edits(effort, &cluster, &shop, &receiver));
    figures.extend(stuck(effort, &cluster, &shop, &mut engine));
    figures
}

/// Good commits and bad ones, in turns.
fn pushes(effort: Effort, shop: &Shop, engine: &mut Engine, receiver: &Receiver) -> Vec<Figure> {
    let [mut good, mut bad] = [(); 2].map(|()| (Vec::new(), Vec::new()));
    let rounds = effort.of(TOLD, 2);
    for round in 0..rounds {
        let app = (7 * round + 3) % shop.apps();
        for (state, into) in [("failed", &mut bad), ("healthy", &mut good)] {
            let pushed = Instant::now();
            if state == "failed" {
                shop.break_one(app);
            } else {
                shop.commit_one(app, &format!("good-{round}"));
            }
            let told = receiver.until(&shop::app(app), state, TELLING);
            let fetched = engine.until_fetched(&shop.revision(), PATIENCE);
            into.0.push(milliseconds(told.saturating_duration_since(fetched)));
            into.1.push(milliseconds(told - pushed));
        }
    }
    let figure = |work: String, values: Vec<f64>| Figure::new(work, Samples::of(values), Unit::Milliseconds);
    let most = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
    let slowest = most(&bad.0);
    vec![
        figure(
            format!("broken YAML, {rounds} times: from the fetch until the receiver was told"),
            bad.0,
        )
        .within(Target::AtMost(2_000.0)),
        figure("the slowest of them".to_owned(), vec![slowest]).within(Target::AtMost(2_000.0)),
        figure(format!("from the push, polled every {EAGER}"), bad.1),
        figure(
            format!("a good commit, {rounds} times: from the fetch until the receiver was told that all is healthy"),
            good.0,
        ),
        figure(format!("from the push, polled every {EAGER}"), good.1),
    ]
}

/// Edits by hand: undone, and told with who did it.
fn edits(effort: Effort, cluster: &Cluster, shop: &Shop, receiver: &Receiver) -> Figure {
    let mut editor = Editor::new(cluster, shop);
    receiver.forget();
    let told: Vec<f64> = (0..effort.of(TOLD, 2))
        .map(|_| {
            let edit = editor.edit();
            let told = receiver.until(edit.app(), "drifted", TELLING);
            milliseconds(told - edit.begun())
        })
        .collect();
    let work = format!(
        "an edit by hand, {} times: from the edit until the receiver was told",
        told.len()
    );
    Figure::new(work, Samples::of(told), Unit::Milliseconds)
}

/// Commits to all, with an app among them that never becomes healthy and without one; and what it costs to wait.
fn stuck(effort: Effort, cluster: &Cluster, shop: &Shop, engine: &mut Engine) -> Vec<Figure> {
    let (mut with, mut without) = (Vec::new(), Vec::new());
    let ill = shop::app(0);
    for round in 0..effort.of(4, 1) {
        for is_stuck in [false, true] {
            if is_stuck {
                shop.stick(0);
                let at = shop.revision();
                engine.until_all_are_at(&at, PATIENCE);
                quieten();
            }
            shop.commit_all_but(usize::from(is_stuck), &format!("stuck-{round}-{is_stuck}"));
            let revision = shop.revision();
            let end = engine.until_all_but_one_are_healthy_at(&ill, &revision, PATIENCE);
            let fetched = engine.until_fetched(&revision, PATIENCE);
            let into = if is_stuck { &mut with } else { &mut without };
            into.push((end - fetched).as_secs_f64());
            if is_stuck && round + 1 < effort.of(4, 1) {
                shop.commit_one(0, "mended");
                engine.until_all_are_healthy_at(&shop.revision(), PATIENCE);
                quieten();
            }
        }
    }
    quieten();
    let time = effort.of(STUCK, 3);
    let mut traffic = Traffic::new(cluster);
    traffic.take();
    let before = engine.processor();
    thread::sleep(Duration::from_secs(time as u64));
    let spent = engine.processor() - before;
    let requests = traffic.take();
    vec![
        Figure::new(
            format!(
                "a commit to all of {} apps while one more is stuck: until they are healthy",
                shop.apps() - 1
            ),
            Samples::of(with),
            Unit::Seconds,
        )
        .beside("the same, and none is stuck", Some(Samples::of(without)))
        .within(Target::RatioAtMost(1.1)),
        number(
            format!("requests in {time} s of waiting for the one, watches aside"),
            requests.total() - requests.of("watch"),
        )
        .within(Target::Exactly(0.0)),
        Figure::new("CPU-seconds meanwhile", Samples::of([spent]), Unit::Seconds),
    ]
}

/// Every app has an object whose status somebody writes, again and again.
fn turning(effort: Effort) -> Vec<Figure> {
    let apps = effort.of(TURNING, 20);
    let cluster = Cluster::start().expect("a cluster");
    let shop = Shop::new(&cluster, "turns", apps, Weight::Conditions);
    shop.commit_all("first");
    let mut engine = Engine::start(&shop, EAGER);
    engine.until_all_are_healthy_at(&shop.revision(), PATIENCE);
    quieten();
    let mut traffic = Traffic::new(&cluster);
    let (mut told, mut written, mut rates) = (Vec::new(), Vec::new(), Vec::new());
    let before = engine.processor();
    let turns = effort.of(TURNS, 2);
    for turn in 0..turns {
        let is_ready = turn % 2 == 1;
        let begun = Instant::now();
        turn_all(&cluster, &shop, is_ready);
        written.push(begun.elapsed().as_secs_f64());
        let end = engine.until_all_are(if is_ready { "healthy" } else { "progressing" }, PATIENCE);
        told.push((end - begun).as_secs_f64());
        rates.push(apps as f64 / (end - begun).as_secs_f64());
    }
    let spent = engine.processor() - before;
    let requests = traffic.take();
    vec![
        Figure::new(
            format!("the health of {apps} apps turns, {turns} times: from the first write of a status until all were reported"),
            Samples::of(told),
            Unit::Seconds,
        )
        .beside(
            format!("the writes alone, {IN_FLIGHT} in flight").as_str(),
            Some(Samples::of(written)),
        )
        .within(Target::RatioAtMost(1.1)),
        Figure::new("health transitions per second, writes included", Samples::of(rates), Unit::Number),
        Figure::new(
            "CPU-milliseconds of engine and workers for each",
            Samples::of([1e3 * spent / (apps * turns) as f64]),
            Unit::Milliseconds,
        ),
        number(
            "requests of the engine meanwhile, watches aside",
            requests.total() - requests.of("watch"),
        )
        .within(Target::Exactly(0.0)),
    ]
}

/// Writes what every app's object says of itself.
fn turn_all(cluster: &Cluster, shop: &Shop, is_ready: bool) {
    let (client, next) = (cluster.client(), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..IN_FLIGHT {
            scope.spawn(|| turn_some(&client, shop, is_ready, &next));
        }
    });
}

fn turn_some(client: &Client, shop: &Shop, is_ready: bool, next: &AtomicUsize) {
    let status = if is_ready { "True" } else { "False" };
    let value = json!({"status": {"conditions": [{
        "type": "Ready", "status": status, "reason": "Bench", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z",
    }]}});
    let mut session = Session::open(client).expect("a connection");
    loop {
        let app = next.fetch_add(1, Ordering::Relaxed);
        if app >= shop.apps() {
            return;
        }
        let target = format!("{}/status", shop::of_conditions(shop.namespace(app), app).path());
        let content = Content {
            kind: "application/merge-patch+json",
            value: &value,
        };
        let answer = session.send("PATCH", &target, Some(content)).expect("an answer");
        assert_eq!(
            answer.status,
            200,
            "{target}: {}",
            String::from_utf8_lossy(&answer.body)
        );
    }
}
