//! What the wall between engine and plugins costs: an empty call, a question, calls at a time.

use std::path::Path;

use serde_json::{Value, json};

use crate::{
    figure::{Effort, Figure, Samples, Unit, alone, milliseconds, timed},
    fixtures::{self, Call},
};

/// Questions of the guest that asks: enough that the call itself doesn't show.
const QUESTIONS: usize = 2_000;

/// Renders of a round on one thread and on two.
const RENDERS: usize = 24;

pub(crate) fn measure(effort: Effort) -> Vec<Figure> {
    let work = tempfile::tempdir().expect("a folder");
    fixtures::write(&work.path().join("a.yaml"), "a: 1\n");
    fixtures::chart(&work.path().join("thirty"), 30);
    vec![
        probe(
            "a call of a guest that does nothing",
            effort,
            work.path(),
            &json!({"mode": "echo"}),
        ),
        question(effort, work.path()),
        parallel(effort, &work.path().join("thirty")),
    ]
}

fn probe(name: &str, effort: Effort, folder: &Path, config: &Value) -> Figure {
    let host = fixtures::host(1, fixtures::cache());
    let call = Call::new(&host, "guest-probe", folder, "", config);
    Figure::new(name, alone(effort, 50, || call.run(&host)), Unit::Milliseconds)
}

/// The time of a call that asks, without that of one that doesn't, by the number of questions.
fn question(effort: Effort, folder: &Path) -> Figure {
    let questions = effort.of(QUESTIONS, 20);
    let host = fixtures::host(1, fixtures::cache());
    let call = |paths: Vec<String>| {
        Call::new(
            &host,
            "guest-probe",
            folder,
            "",
            &json!({"mode": "stat", "paths": paths}),
        )
    };
    let none = call(Vec::new());
    let many = call((0..questions).map(|index| format!("f{index}")).collect());
    many.render(&host);
    let rounds = (0..effort.of(5, 1)).map(|_| {
        let empty = milliseconds(timed(|| none.run(&host)));
        let full = milliseconds(timed(|| many.run(&host)));
        (full - empty) * 1e3 / questions as f64
    });
    let work = format!("one of {questions} questions (`stat`) of a call, there and back");
    Figure::new(work, Samples::of(rounds), Unit::Microseconds)
}

/// How many times the renders of one thread two threads make.
fn parallel(effort: Effort, folder: &Path) -> Figure {
    let host = fixtures::host(2, fixtures::cache());
    let call = Call::new(&host, "helm", folder, "", &json!({}));
    let renders = effort.of(RENDERS, 2);
    let on = |threads: usize| {
        timed(|| {
            std::thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(|| (0..renders / threads).for_each(|_| call.run(&host)));
                }
            });
        })
        .as_secs_f64()
    };
    on(2);
    let rounds = (0..effort.of(5, 1)).map(|_| on(1) / on(2));
    Figure::new(
        "renders a second on 2 threads, as times those on 1",
        Samples::of(rounds),
        Unit::Number,
    )
}
