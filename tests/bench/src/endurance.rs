//! Many renders one after another: nothing may grow.

use serde_json::json;

use crate::{
    figure::{Effort, Figure, Samples, Target, Unit},
    fixtures::{self, Call},
    machine,
};

/// Renders in all, and after how many of them memory is looked at.
const RENDERS: usize = 10_000;
const LOOKS: [usize; 3] = [1_000, 5_000, 10_000];

/// How much more memory the last look may find than the first, in MiB: what an allocator keeps for itself.
const SLACK: f64 = 8.0;

pub(crate) fn measure(effort: Effort) -> Vec<Figure> {
    let work = tempfile::tempdir().expect("a folder");
    fixtures::chart(&work.path().join("one"), 1);
    let host = fixtures::host(1, fixtures::cache());
    let call = Call::new(&host, "helm", &work.path().join("one"), "", &json!({}));
    let scale = effort.of(1, 200);
    let (mut engine, mut worker) = (Vec::new(), Vec::new());
    for render in 1..=RENDERS / scale {
        call.render(&host);
        if LOOKS.contains(&(render * scale)) {
            engine.push(machine::resident("self"));
            // Workers are replaced after a thousand calls: the last call of one finds it already gone.
            call.render(&host);
            worker.push(
                host.idle_workers()
                    .first()
                    .map_or(0.0, |pid| machine::resident(&pid.to_string())),
            );
        }
    }
    let mut figures = Vec::new();
    for (who, values) in [("engine", engine), ("worker", worker)] {
        for (look, value) in LOOKS.iter().zip(&values) {
            let work = format!(
                "{who}: resident after {} renders of a chart of 1 template",
                look / scale
            );
            figures.push(Figure::new(work, Samples::of([*value]), Unit::Mebibytes));
        }
        if let (Some(first), Some(figure)) = (values.first(), figures.last_mut()) {
            figure.target = Some(Target::AtMost(first + SLACK));
        }
    }
    figures
}
