//! `cargo x demo`: a small git repository, four apps, three commits, and what `windlass run` makes of them.
//!
//! [`shop`] is the repository, [`engine`] the running process, [`cycle`] one line of its report, [`folder`] the target,
//! [`stages`] what each stage must show. Nothing outside `target/demo` is touched, but the cache of compiled plugins.

mod shop;
mod engine;
mod cycle;
mod folder;
mod stages;

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::ledger::Verdict;
use crate::run::Session;
use crate::{engine as build, plugins, say, toolchain};
use engine::Engine;
use folder::Folder;
use shop::{Commit, Shop};
use stages::{Scene, Stage};

/// The first cycle compiles the plugins for this machine: about a minute each for those in Go on two busy cores.
const FIRST_LIMIT: Duration = Duration::from_secs(600);
/// The others wait for a poll and a render; this much only on an overloaded machine.
const LIMIT: Duration = Duration::from_secs(60);

/// Builds everything, plays the script, and stays on a terminal unless `once`.
///
/// # Errors
/// When something can't be built, or a stage doesn't show what it should.
pub(crate) fn perform(session: &mut Session, once: bool) -> Result<(), Error> {
    toolchain::build(session)?;
    build::build(session)?;
    plugins::build(session, &plugins::first_party(&session.places)?)?;
    let demo = Demo::prepare(session)?;
    let played = demo.play(session);
    session.ledger.show();
    played?;
    if once || !say::on_terminal() {
        return Ok(());
    }
    demo.stay(session)
}

/// A fresh work folder.
struct Demo {
    shop: Shop,
    config: PathBuf,
    out: PathBuf,
    state: PathBuf,
}

impl Demo {
    fn prepare(session: &Session) -> Result<Self, Error> {
        let folder = session.places.demo();
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(Error::io("remove", &folder))?;
        }
        fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
        let shop = Shop::create(session, &folder)?;
        let config = folder.join("windlass.yaml");
        fs::write(&config, stages::config(&shop.url())).map_err(Error::io("write", &config))?;
        Ok(Self {
            shop,
            config,
            out: folder.join("out"),
            state: folder.join("state"),
        })
    }

    fn command(&self, session: &Session) -> Command {
        let mut command = session.command(session.places.program("windlass"));
        command.arg("run").arg(&self.config);
        command.arg("--target").arg(format!("dir:{}", self.out.display()));
        command.arg("--state").arg(&self.state);
        command.envs(plugins::environment(&session.places));
        command
    }

    /// The script: each stage is a commit, what the engine reports about it, and what is in the folder then.
    fn play(&self, session: &mut Session) -> Result<(), Error> {
        self.introduce(session);
        let mut before = Folder::read(&self.out)?;
        // The engine comes after the first push: it reports an empty repository as an error, rightly.
        let mut commit = self.commit(session, Stage::First)?;
        let mut command = self.command(session);
        command.args(["-o", "json"]);
        let mut engine = Engine::start(command, &session.places.logs())?;
        for stage in Stage::ALL {
            if stage != Stage::First {
                commit = self.commit(session, stage)?;
            }
            before = self.watch(session, &mut engine, stage, &commit, &before)?;
        }
        engine.stop()
    }

    fn commit(&self, session: &Session, stage: Stage) -> Result<Commit, Error> {
        let commit = self.shop.perform(session, stage)?;
        say::line(&format!("\n== {} ==", stage.title()));
        say::line(&format!("{} {}", &commit.id[..7], commit.subject));
        Ok(commit)
    }

    /// What comes of the commit of a stage, and whether it is what should.
    fn watch(
        &self,
        session: &mut Session,
        engine: &mut Engine,
        stage: Stage,
        commit: &Commit,
        before: &Folder,
    ) -> Result<Folder, Error> {
        let start = Instant::now();
        let limit = if stage == Stage::First { FIRST_LIMIT } else { LIMIT };
        let cycles = engine.cycles(&commit.id, &stages::APPS, limit)?;
        let after = Folder::read(&self.out)?;
        let broken = (stage == Stage::Broken)
            .then(|| self.shop.broken_place(session))
            .transpose()?;
        let problems = stage.check(&Scene {
            cycles: &cycles,
            before,
            after: &after,
            broken: broken.as_ref(),
        });
        let verdict = if problems.is_empty() {
            Verdict::Done
        } else {
            Verdict::Failed
        };
        session
            .ledger
            .note(&format!("stage {}", stage.name()), start.elapsed(), verdict);
        if problems.is_empty() {
            say::line(&format!("ok: {}", stage.moral()));
            return Ok(after);
        }
        Err(Error::Invalid {
            place: format!("demo stage `{}`", stage.name()),
            problem: problems.join("\n  "),
        })
    }

    fn introduce(&self, session: &Session) {
        let shown = |path: &PathBuf| session.places.shown(path);
        say::line(&format!("\nrepository  {}", shown(&self.shop.work)));
        say::line(&format!("target      {}", shown(&self.out)));
        say::line(&format!(
            "command     windlass run {} --target dir:{}",
            shown(&self.config),
            shown(&self.out)
        ));
    }

    /// Leaves the terminal to `windlass run`: this process becomes it, so that Ctrl-C ends it as usual.
    fn stay(&self, session: &Session) -> Result<(), Error> {
        let work = session.places.shown(&self.shop.work);
        say::line("\nThe script is over; `windlass run` goes on from the same state, with its live table.");
        say::line(&format!(
            "Change something in {work}, commit and push it. Ctrl-C ends it.\n"
        ));
        let source = self.command(session).stdin(Stdio::null()).exec();
        Err(Error::Io {
            action: "start `windlass`".to_owned(),
            source,
        })
    }
}
