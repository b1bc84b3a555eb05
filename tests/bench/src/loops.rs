//! The loop onto a directory: 500 apps in one repository of 10,000 files.

use std::{fs, path::Path, sync::Arc};

use tokio::runtime::Runtime;
use windlass::{
    engine::{Engine, Options},
    report::{RenderKind, Report},
};
use windlass_core::config;

use crate::{
    figure::{Effort, Figure, Samples, Target, Unit, milliseconds, timed},
    fixtures::{cache, plugins, write},
    machine,
    sources::git,
};

/// Apps, objects of each, and files beside those of each app that no render reads.
const APPS: usize = 500;
const OBJECTS: usize = 4;
const BESIDE: usize = 16;

/// A text in every object; 50 kB of it is a big ConfigMap.
const BIG_OBJECT: usize = 50_000;

pub(crate) fn measure(effort: Effort) -> Vec<Figure> {
    let shop = Shop::new(effort.of(APPS, 4), OBJECTS, BESIDE, "");
    let apps = shop.apps as f64;
    let first = milliseconds(timed(|| drop(shop.sync())));
    let quiet: Vec<f64> = (0..effort.of(5, 1))
        .map(|_| milliseconds(timed(|| drop(shop.sync()))))
        .collect();
    let beside: Vec<f64> = (0..effort.of(5, 1))
        .map(|round| shop.after(&format!("docs/a1/{round}.md"), "new").0)
        .collect();
    let touched: Vec<(f64, f64)> = (0..effort.of(5, 1))
        .map(|round| {
            let (time, reports) = shop.after("apps/a1/c2.yaml", &object("c2", &format!("changed {round}")));
            (time, renders(&reports))
        })
        .collect();
    let quiet = Samples::of(quiet);
    let check = Samples::of(beside.iter().map(|time| (time - quiet.median()).max(0.0) / apps));
    let figure = |work: String, samples| Figure::new(work, samples, Unit::Milliseconds);
    vec![
        figure(
            format!("first sync of {apps} apps × {OBJECTS} objects"),
            Samples::of([first]),
        ),
        figure(
            format!("cycle without a new commit, {apps} apps, every file read back"),
            quiet,
        ),
        figure(
            format!("cycle after a commit that touches none of {apps} apps"),
            Samples::of(beside),
        ),
        figure(
            "of it, the check whether an app's reads still hold, an app".to_owned(),
            check,
        )
        .within(Target::AtMost(1.0)),
        figure(
            format!("commit → files written: 1 of {apps} apps, after the fetch"),
            Samples::of(touched.iter().map(|t| t.0)),
        )
        .within(Target::AtMost(150.0)),
        Figure::new(
            "renders after such a commit",
            Samples::of(touched.iter().map(|t| t.1)),
            Unit::Number,
        )
        .within(Target::Exactly(1.0)),
    ]
}

/// What the engine holds in memory. Measured in a process of its own.
pub(crate) fn memory(effort: Effort) -> Vec<Figure> {
    let shop = Shop::new(effort.of(APPS, 4), 1, 0, &"0123456789abcde\n".repeat(BIG_OBJECT / 16));
    shop.sync();
    let first = machine::resident("self");
    for round in 0..effort.of(3, 1) {
        shop.after("apps/a1/c0.yaml", &object("c0", &format!("changed {round}")));
    }
    let figure = |work: String, value| Figure::new(work, Samples::of([value]), Unit::Mebibytes);
    vec![
        figure(
            format!(
                "engine: resident after the first sync of {} apps of 50 kB objects",
                shop.apps
            ),
            first,
        ),
        figure(
            "engine: resident after three commits more".to_owned(),
            machine::resident("self"),
        )
        .within(Target::AtMost(300.0)),
        figure("engine: the most ever resident".to_owned(), machine::peak("self")),
    ]
}

/// How many apps were rendered.
fn renders(reports: &[Report]) -> f64 {
    reports
        .iter()
        .filter(|report| report.render == Some(RenderKind::Fresh))
        .count() as f64
}

/// A repository, its apps and the engine that syncs them.
struct Shop {
    apps: usize,
    work: tempfile::TempDir,
    runtime: Runtime,
    engine: Arc<Engine>,
}

impl Shop {
    fn new(apps: usize, objects: usize, beside: usize, text: &str) -> Self {
        let work = tempfile::tempdir().expect("a folder");
        let repo = work.path().join("repo");
        for app in 0..apps {
            for index in 0..objects {
                write(
                    &repo.join(format!("apps/a{app}/c{index}.yaml")),
                    &object(&format!("c{index}"), text),
                );
            }
            for index in 0..beside {
                write(&repo.join(format!("docs/a{app}/{index}.md")), "words\n");
            }
        }
        git(&repo, &["init", "--quiet", "--initial-branch", "main"]);
        let runtime = Runtime::new().expect("a runtime");
        let engine = open(work.path(), apps);
        let shop = Self {
            apps,
            work,
            runtime,
            engine,
        };
        shop.commit();
        shop
    }

    fn commit(&self) {
        let repo = self.work.path().join("repo");
        git(&repo, &["add", "--all"]);
        git(&repo, &["commit", "--quiet", "--message", "change"]);
    }

    /// One cycle of every app.
    fn sync(&self) -> Vec<Report> {
        let reports = self
            .runtime
            .block_on(self.engine.sync(std::time::Duration::ZERO, |_| ()));
        let wrong: Vec<&str> = reports
            .iter()
            .filter(|r| !r.is_in_sync())
            .map(|r| r.app.as_str())
            .collect();
        assert!(wrong.is_empty(), "not in sync: {wrong:?}");
        reports
    }

    /// Commits a file, fetches, and times the cycle that follows.
    fn after(&self, file: &str, content: &str) -> (f64, Vec<Report>) {
        fs::write(self.work.path().join("repo").join(file), content).expect("a file");
        self.commit();
        self.runtime
            .block_on(self.engine.sources().refresh("shop", &std::sync::Arc::default()))
            .map(drop)
            .expect("a revision");
        let mut reports = Vec::new();
        let time = milliseconds(timed(|| reports = self.sync()));
        (time, reports)
    }
}

fn object(name: &str, text: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{v: {text:?}}}\n")
}

fn open(work: &Path, apps: usize) -> Arc<Engine> {
    let mut text = format!(
        "apiVersion: windlass.dev/v1alpha1\nkind: Repository\nmetadata: {{name: shop}}\nspec: {{git: {{url: 'file://{}', ref: {{branch: main}}}}}}\n",
        work.join("repo").display()
    );
    for app in 0..apps {
        text.push_str(&format!(
            "---\napiVersion: windlass.dev/v1alpha1\nkind: App\nmetadata: {{name: a{app}}}\nspec: {{repository: shop, path: apps/a{app}, target: {{namespace: bench, directory: out/a{app}}}}}\n"
        ));
    }
    let config = config::load(&text).expect("a configuration");
    let options = Options {
        state: work.join("state"),
        cache: Some(cache()),
        plugins: vec![plugins()],
        ..Options::default()
    };
    Engine::open(config, work, options).expect("an engine")
}
