//! Figures beside git's own, in one run. They take seconds, so they are measured when asked for:
//! `WINDLASS_FIGURES=1 cargo test -p windlass-tests --test it -- figures --nocapture`.

use std::process::Stdio;

use super::*;
use crate::git_server::git_command;

const FILES: usize = 10_000;
const RUNS: usize = 7;

#[test]
fn figures() {
    if std::env::var_os("WINDLASS_FIGURES").is_none() {
        return;
    }
    let bed = Bed::new();
    for n in 0..FILES {
        bed.repository.write(
            &format!("apps/{}/{n}.yaml", n % 250),
            format!("kind: ConfigMap\ndata: {{n: \"{n}\"}}\n"),
        );
    }
    bed.repository.commit("many");
    bed.repository.git(["gc", "-q"]);
    let http = bed.serve();
    let tls = bed.serve_tls(None);
    for (name, url, ca) in [
        ("file", bed.repository.url(), None),
        ("http", http.url("repo"), None),
        ("https", tls.url("repo"), tls.ca_pem()),
    ] {
        measure(&bed, name, &url, ca);
    }
}

fn measure(bed: &Bed, name: &str, url: &str, ca: Option<String>) {
    let [mut first, mut poll, mut one, mut git_first, mut git_poll, mut git_one] = [const { Vec::new() }; 6];
    for run in 0..RUNS {
        let dir = bed.dir.path().join(format!("{name}-{run}"));
        let tls = Tls {
            ca_pem: ca.clone(),
            client: None,
        };
        let remote = Remote::new(url, Auth::None, tls).unwrap();
        let mirror = Mirrors::new(dir.join("ours"), Limits::default()).open(remote).unwrap();
        let git = Git::new(&dir.join("git"), url, ca.as_deref());
        first.push(timed(|| main_of(&mirror)).1);
        git_first.push(timed(|| git.fetch()).1);
        poll.push(timed(|| main_of(&mirror)).1);
        git_poll.push(timed(|| git.ls_remote()).1);
        bed.repository.commit_file("apps/1/1.yaml", format!("{name} {run}"));
        one.push(timed(|| main_of(&mirror)).1);
        git_one.push(timed(|| git.fetch()).1);
    }
    let mut line = format!("{name:6}");
    for (what, ours, gits) in [
        ("first fetch", first, git_first),
        ("no change", poll, git_poll),
        ("one commit", one, git_one),
    ] {
        line += &format!("  {what} {:.1} ms (git {:.1})", median(ours), median(gits));
    }
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1000.0
}

/// `git` as one would script it: a bare repository, depth 1.
struct Git {
    dir: PathBuf,
    url: String,
    ca: Option<PathBuf>,
}

impl Git {
    fn new(dir: &Path, url: &str, ca: Option<&str>) -> Self {
        std::fs::create_dir_all(dir).unwrap();
        let ca = ca.map(|pem| {
            let path = dir.join("ca.pem");
            std::fs::write(&path, pem).unwrap();
            path
        });
        let git = Self {
            dir: dir.to_owned(),
            url: url.to_owned(),
            ca,
        };
        git.run(&["init", "-q", "--bare", "."]);
        git
    }

    fn run(&self, args: &[&str]) {
        let mut command = git_command(&self.dir);
        if let Some(ca) = &self.ca {
            command.env("GIT_SSL_CAINFO", ca);
        }
        assert!(command.args(args).stdout(Stdio::null()).status().unwrap().success());
    }

    fn fetch(&self) {
        self.run(&[
            "fetch",
            "-q",
            "--depth=1",
            "--no-tags",
            &self.url,
            "+refs/heads/main:refs/heads/main",
        ]);
    }

    fn ls_remote(&self) {
        self.run(&["ls-remote", "-q", &self.url, "refs/heads/main"]);
    }
}
