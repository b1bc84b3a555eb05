//! `cargo x cluster`: a real API server on the loopback, for tests, measurements and people (`tests/cluster/`).
//!
//! The programs are built here; `control-plane` starts them and plays the node. Of each cluster there is a record,
//! `target/cluster/NAME.json`, and a link `target/cluster/NAME` to its folder, so that paths stay the same when it is started anew.

mod process;
mod record;

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::args::{Cluster, Verb};
use crate::error::Error;
use crate::places::Places;
use crate::programs::Family;
use crate::run::{Session, Step};
use crate::{go, say, toolchain};
use record::Record;

const SERVERS: Family = Family {
    folder: go::CLUSTER,
    word: "cluster program",
    cache: "cluster",
};

/// How long a cluster may take to end when asked to, on a machine that compiles.
const GRACE: Duration = Duration::from_secs(20);

/// Does what was asked for.
///
/// # Errors
/// When a program doesn't build, or the cluster doesn't start or end.
pub(crate) fn perform(session: &mut Session, asked: &Cluster) -> Result<(), Error> {
    let site = Site::new(&session.places, &asked.name);
    match asked.verb {
        Verb::Up { audit } => up(session, &site, audit),
        Verb::Down { all: false } => down(&site),
        Verb::Down { all: true } => names(&session.places)?
            .iter()
            .try_for_each(|name| down(&Site::new(&session.places, name))),
        Verb::Env => env(&site),
        Verb::Status => status(&session.places),
    }
}

/// Builds what is missing; `Places::cluster_tools` then holds all programs by name.
///
/// # Errors
/// When one doesn't build.
pub(crate) fn build(session: &mut Session) -> Result<(), Error> {
    let folder = session.places.cluster_tools();
    SERVERS.build(session, &folder)
}

/// How tests find the programs. Each starts clusters of its own.
pub(crate) fn environment(places: &Places) -> [(&'static str, PathBuf); 1] {
    [("WINDLASS_CLUSTER_TOOLS", places.cluster_tools())]
}

/// Where a cluster of that name is told of.
struct Site {
    name: String,
    record: PathBuf,
    link: PathBuf,
    /// What it said since it was ready.
    log: PathBuf,
}

impl Site {
    fn new(places: &Places, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            record: places.clusters().join(format!("{name}.json")),
            link: places.clusters().join(name),
            log: places.clusters().join(format!("{name}.log")),
        }
    }

    fn record(&self) -> Result<Option<Record>, Error> {
        match fs::read_to_string(&self.record) {
            Ok(text) => Record::parse(&text).map(Some).map_err(|problem| Error::Invalid {
                place: self.record.display().to_string(),
                problem,
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("read", &self.record)(error)),
        }
    }

    fn running(&self) -> Result<Option<Record>, Error> {
        Ok(self.record()?.filter(Record::runs))
    }

    fn kubeconfig(&self) -> String {
        // For a shell: in quotes, and a quote within closes, stands escaped, and opens again.
        let path = self.link.join("kubeconfig").display().to_string();
        format!("export KUBECONFIG='{}'", path.replace('\'', r"'\''"))
    }
}

fn up(session: &mut Session, site: &Site, audit: bool) -> Result<(), Error> {
    if let Some(record) = site.running()? {
        say::line(&format!("cluster `{}` runs already: {}", site.name, record.server));
        return Ok(());
    }
    toolchain::servers(session)?;
    build(session)?;
    // What a killed one left.
    down(site)?;
    let tools = session.places.cluster_tools();
    let mut command = session.command(tools.join("control-plane"));
    let clusters = session.places.clusters();
    fs::create_dir_all(&clusters).map_err(Error::io("create", &clusters))?;
    command
        .arg("start")
        .arg("--tools")
        .arg(&tools)
        .arg("--record")
        .arg(&site.record);
    if audit {
        command.arg("--audit");
    }
    session.require(Step::new(format!("cluster {}", site.name), command))?;
    let record = site.record()?.ok_or_else(|| Error::Invalid {
        place: site.record.display().to_string(),
        problem: "the cluster ended as soon as it was ready".to_owned(),
    })?;
    symlink(&record.folder, &site.link).map_err(Error::io("link", &site.link))?;
    session.ledger.show();
    let name = if site.name == crate::args::DEFAULT_CLUSTER {
        String::new()
    } else {
        format!(" --name {}", site.name)
    };
    say::line(&format!(
        "\nKubernetes {} at {}\n  eval \"$(cargo x cluster env{name})\"   for kubectl and `windlass`\n  cargo x cluster down{name}",
        record.version, record.server
    ));
    Ok(())
}

/// Ends what still runs, and removes what is left of it; nothing to do is no error.
fn down(site: &Site) -> Result<(), Error> {
    let Some(record) = site.record()? else {
        remove(&site.link, fs::remove_file)?;
        return Ok(());
    };
    if record.runs() {
        // The first ends the others and removes the folder.
        if let Some(first) = record.processes.first() {
            first.signal("TERM")?;
        }
        let deadline = Instant::now() + GRACE;
        while record.runs() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(20));
        }
        for process in &record.processes {
            process.signal("KILL")?;
        }
        say::line(&format!("cluster `{}` ended", site.name));
    }
    if record.is_folder_ours() {
        remove(&record.folder, fs::remove_dir_all)?;
    }
    remove(&site.link, fs::remove_file)?;
    remove(&site.log, fs::remove_file)?;
    remove(&site.record, fs::remove_file)
}

/// Removes what may be gone already.
fn remove<'a>(path: &'a Path, how: impl FnOnce(&'a Path) -> io::Result<()>) -> Result<(), Error> {
    match how(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io("remove", path)(error)),
        _ => Ok(()),
    }
}

fn env(site: &Site) -> Result<(), Error> {
    if site.running()?.is_none() {
        let said = fs::read_to_string(&site.log).unwrap_or_default();
        if !said.trim().is_empty() {
            return Err(Error::Invalid {
                place: format!("cluster `{}`", site.name),
                problem: format!(
                    "it ended by itself; `cargo x cluster up` starts it anew\n{}",
                    said.trim()
                ),
            });
        }
        return Err(Error::Missing {
            what: format!("no cluster `{}` runs", site.name),
            remedy: "start it by `cargo x cluster up`".to_owned(),
        });
    }
    say::line(&site.kubeconfig());
    Ok(())
}

fn status(places: &Places) -> Result<(), Error> {
    let names = names(places)?;
    if names.is_empty() {
        say::line("no cluster runs; `cargo x cluster up` starts one");
    }
    for name in names {
        let site = Site::new(places, &name);
        let Some(record) = site.record()? else { continue };
        let state = if record.runs() {
            "runs"
        } else {
            "was killed; `cargo x cluster down` cleans up"
        };
        say::line(&format!("{name}  {}  {}  {state}", record.server, record.version));
        for process in &record.processes {
            let memory = process
                .memory()
                .map_or_else(|| "ended".to_owned(), |mb| format!("{mb} MB"));
            say::line(&format!("  {:<24} {:>8}  {memory}", process.name, process.id));
        }
    }
    Ok(())
}

/// Of all clusters that have a record, sorted.
fn names(places: &Places) -> Result<Vec<String>, Error> {
    let folder = places.clusters();
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).map_err(Error::io("list", &folder))? {
        let name = entry.map_err(Error::io("list", &folder))?.file_name();
        names.extend(name.to_string_lossy().strip_suffix(".json").map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::places::scratch::Scratch;

    fn record(folder: &Path, process: &str) -> String {
        format!(
            r#"{{"version":"v1","server":"https://127.0.0.1:1","folder":"{}","kubeconfig":"","processes":[{process}]}}"#,
            folder.display()
        )
    }

    #[test]
    fn down_removes_what_a_killed_cluster_left_and_touches_no_stranger() {
        let scratch = Scratch::new("cluster-left");
        let places = scratch.places();
        let site = Site::new(&places, "dev");
        let kept = scratch.file("windlass-cluster-1/etcd/db", "");
        let folder = kept.parent().unwrap().parent().unwrap().to_path_buf();
        // This very process, but of another start: the id was given anew.
        let stranger = format!(r#"{{"name":"etcd","pid":{},"started":1}}"#, std::process::id());
        scratch.file("target/cluster/dev.json", &record(&folder, &stranger));
        symlink(&folder, &site.link).unwrap();
        assert_eq!(names(&places).unwrap(), ["dev"]);
        assert!(site.running().unwrap().is_none());
        down(&site).unwrap();
        assert!(!folder.exists() && !site.record.exists() && site.link.symlink_metadata().is_err());
        down(&site).unwrap();
    }

    #[test]
    fn a_folder_of_another_name_is_not_removed() {
        let scratch = Scratch::new("cluster-foreign");
        let site = Site::new(&scratch.places(), "dev");
        let kept = scratch.file("home/letter", "dear");
        scratch.file("target/cluster/dev.json", &record(kept.parent().unwrap(), ""));
        down(&site).unwrap();
        assert!(kept.exists() && !site.record.exists());
    }

    #[test]
    fn the_line_for_a_shell_is_quoted() {
        let mut places = Scratch::new("cluster-env").places();
        places.target = PathBuf::from("/it's/target");
        let site = Site::new(&places, "a");
        assert_eq!(
            site.kubeconfig(),
            r"export KUBECONFIG='/it'\''s/target/cluster/a/kubeconfig'"
        );
        let missing = env(&site).unwrap_err().to_string();
        assert!(missing.contains("no cluster `a` runs"), "{missing}");
    }
}
