//! The command line.

mod cluster;
mod help;

pub(crate) use cluster::{Cluster, DEFAULT as DEFAULT_CLUSTER, Verb};
pub(crate) use help::OVERVIEW;
use help::{BENCH, CLUSTER, DEMO, DIFF_NATIVE, FUZZ, IMAGE, LINT, PLUGINS, TEST};

use crate::image::Image;

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// A text to show.
    Help(&'static str),
    /// Work to do.
    Run(Task),
}

/// A task with its options.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// `cargo x demo`
    Demo {
        /// Ends after the script, even on a terminal.
        once: bool,
    },
    /// `cargo x test`
    Test,
    /// `cargo x plugins`
    Plugins(Selection),
    /// `cargo x lint`
    Lint,
    /// `cargo x bench`
    Bench {
        /// Passed on.
        arguments: Vec<String>,
    },
    /// `cargo x diff-native`
    DiffNative {
        /// Passed on: `DIR`, `--verbose`.
        arguments: Vec<String>,
    },
    /// `cargo x fuzz`
    Fuzz(Fuzz),
    /// `cargo x image`
    Image(Image),
    /// `cargo x cluster`
    Cluster(Cluster),
}

/// What to fuzz.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fuzz {
    /// For each target.
    pub(crate) seconds: u32,
    /// Targets; empty = all.
    pub(crate) only: Vec<String>,
}

/// Long enough to find what a fresh mistake breaks, short enough to be run before a commit.
const SECONDS: u32 = 20;

/// Which plugins to build.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Selection {
    /// Names; empty = all.
    pub(crate) only: Vec<String>,
    /// Test guests as well.
    pub(crate) with_guests: bool,
}

/// Understands the arguments after `cargo x`.
///
/// # Errors
/// A sentence for a person, without the overview.
pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Request, String> {
    let mut arguments = arguments.into_iter();
    let Some(name) = arguments.next() else {
        return Ok(Request::Help(OVERVIEW));
    };
    let rest: Vec<String> = arguments.collect();
    let help = match name.as_str() {
        "--help" | "-h" | "help" => return Ok(Request::Help(OVERVIEW)),
        "demo" => DEMO,
        "test" => TEST,
        "plugins" => PLUGINS,
        "lint" => LINT,
        "bench" => BENCH,
        "diff-native" => DIFF_NATIVE,
        "fuzz" => FUZZ,
        "image" => IMAGE,
        "cluster" => CLUSTER,
        _ => return Err(format!("error: there is no task `{name}`")),
    };
    let own = rest.iter().take_while(|argument| *argument != "--");
    if own.into_iter().any(|argument| argument == "--help" || argument == "-h") {
        return Ok(Request::Help(help));
    }
    task(&name, rest)
        .map(Request::Run)
        .map_err(|problem| format!("error: `cargo x {name}` {problem}"))
}

fn task(name: &str, rest: Vec<String>) -> Result<Task, String> {
    match name {
        "demo" => {
            let once = rest.iter().any(|argument| argument == "--once");
            nothing_else(rest.iter().filter(|argument| *argument != "--once"))?;
            Ok(Task::Demo { once })
        }
        "plugins" => selection(rest).map(Task::Plugins),
        "fuzz" => fuzz(rest).map(Task::Fuzz),
        "image" => image(rest).map(Task::Image),
        "cluster" => cluster::parse(rest).map(Task::Cluster),
        "bench" => {
            let separator = rest.iter().position(|argument| argument == "--").unwrap_or(rest.len());
            nothing_else(rest[..separator].iter())?;
            Ok(Task::Bench {
                arguments: rest.into_iter().skip(separator + 1).collect(),
            })
        }
        "diff-native" => {
            let is_folder = |argument: &&String| *argument != "--verbose";
            nothing_else(
                rest.iter()
                    .filter(|argument| is_folder(argument) && argument.starts_with('-')),
            )?;
            nothing_else(rest.iter().filter(is_folder).skip(1))?;
            Ok(Task::DiffNative { arguments: rest })
        }
        "test" => nothing_else(rest.iter()).map(|()| Task::Test),
        _ => nothing_else(rest.iter()).map(|()| Task::Lint),
    }
}

fn selection(rest: Vec<String>) -> Result<Selection, String> {
    let mut selection = Selection::default();
    let mut rest = rest.into_iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--with-guests" => selection.with_guests = true,
            "--only" => selection.only.push(rest.next().ok_or("needs a NAME after `--only`")?),
            _ => match argument.strip_prefix("--only=") {
                Some(name) if !name.is_empty() => selection.only.push(name.to_owned()),
                _ => return Err(format!("doesn't take `{argument}`")),
            },
        }
    }
    Ok(selection)
}

fn fuzz(rest: Vec<String>) -> Result<Fuzz, String> {
    let mut fuzz = Fuzz {
        seconds: SECONDS,
        only: Vec::new(),
    };
    let mut rest = rest.into_iter();
    while let Some(argument) = rest.next() {
        let (option, value) = match argument.split_once('=') {
            Some((option, value)) => (option, Some(value.to_owned())),
            None => (argument.as_str(), None),
        };
        let value = |what: &str, rest: &mut std::vec::IntoIter<String>| {
            let value = value.clone().or_else(|| rest.next()).filter(|value| !value.is_empty());
            value.ok_or_else(|| format!("needs {what} after `{option}`"))
        };
        match option {
            "--only" => fuzz.only.push(value("a TARGET", &mut rest)?),
            "--seconds" => {
                let number = value("a number", &mut rest)?;
                let wrong = |_| format!("needs a number after `--seconds`, not `{number}`");
                fuzz.seconds = number.parse().map_err(wrong)?;
            }
            _ => return Err(format!("doesn't take `{argument}`")),
        }
    }
    Ok(fuzz)
}

fn image(rest: Vec<String>) -> Result<Image, String> {
    let mut image = Image { out: None, tree: false };
    let mut rest = rest.into_iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--tree" => image.tree = true,
            "--out" => image.out = Some(rest.next().ok_or("needs a DIR after `--out`")?),
            _ => match argument.strip_prefix("--out=") {
                Some(out) if !out.is_empty() => image.out = Some(out.to_owned()),
                _ => return Err(format!("doesn't take `{argument}`")),
            },
        }
    }
    Ok(image)
}

fn nothing_else<'a>(mut rest: impl Iterator<Item = &'a String>) -> Result<(), String> {
    rest.next()
        .map_or(Ok(()), |argument| Err(format!("doesn't take `{argument}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Request, String> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn nothing_and_help_list_the_tasks() {
        for line in ["", "--help", "-h", "help"] {
            assert_eq!(parsed(line), Ok(Request::Help(OVERVIEW)), "{line:?}");
        }
    }

    #[test]
    fn every_task_has_help_and_stands_in_the_overview() {
        for (name, help) in [
            ("demo", DEMO),
            ("test", TEST),
            ("plugins", PLUGINS),
            ("lint", LINT),
            ("bench", BENCH),
            ("diff-native", DIFF_NATIVE),
            ("fuzz", FUZZ),
            ("image", IMAGE),
            ("cluster", CLUSTER),
        ] {
            assert_eq!(parsed(&format!("{name} --help")), Ok(Request::Help(help)));
            assert!(
                OVERVIEW
                    .lines()
                    .any(|line| line.split_whitespace().next() == Some(name)),
                "{name} is not in the overview"
            );
            assert!(help.contains(&format!("Usage: cargo x {name}")));
        }
    }

    #[test]
    fn options_reach_the_task() {
        assert_eq!(parsed("demo"), Ok(Request::Run(Task::Demo { once: false })));
        assert_eq!(parsed("demo --once"), Ok(Request::Run(Task::Demo { once: true })));
        let selection = Selection {
            only: vec!["helm".to_owned(), "yaml".to_owned()],
            with_guests: true,
        };
        assert_eq!(
            parsed("plugins --only helm --only=yaml --with-guests"),
            Ok(Request::Run(Task::Plugins(selection)))
        );
        let image = Image {
            out: Some("x".to_owned()),
            tree: true,
        };
        assert_eq!(parsed("image --out=x --tree"), Ok(Request::Run(Task::Image(image))));
        assert!(parsed("image --out").is_err() && parsed("image --out=").is_err());
        let fuzz = Fuzz {
            seconds: 5,
            only: vec!["yaml".to_owned(), "tree".to_owned()],
        };
        assert_eq!(
            parsed("fuzz --only yaml --seconds=5 --only=tree"),
            Ok(Request::Run(Task::Fuzz(fuzz)))
        );
        let arguments = vec!["--help".to_owned(), "x".to_owned()];
        assert_eq!(parsed("bench -- --help x"), Ok(Request::Run(Task::Bench { arguments })));
        let arguments = vec!["charts".to_owned(), "--verbose".to_owned()];
        assert_eq!(
            parsed("diff-native charts --verbose"),
            Ok(Request::Run(Task::DiffNative { arguments }))
        );
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (line, part) in [
            ("dmeo", "no task `dmeo`"),
            ("demo --twice", "`cargo x demo` doesn't take `--twice`"),
            ("test --once", "`--once`"),
            ("plugins --only", "needs a NAME"),
            ("plugins --only=", "`--only=`"),
            ("bench fast", "`fast`"),
            ("diff-native a b", "`b`"),
            ("diff-native --short", "`--short`"),
            ("fuzz --seconds soon", "not `soon`"),
            ("fuzz yaml", "`yaml`"),
        ] {
            let message = parsed(line).unwrap_err();
            assert!(message.contains(part), "{line}: {message}");
        }
    }
}
