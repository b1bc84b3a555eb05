//! Many Repositories of one server: how often it is asked, and what becomes of them while it wants to be left alone.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    cluster::bed::Running,
    git_server::{Fault, GitServer, HANDSHAKE, Options},
    sandbox::{Sandbox, config_map, git},
};

/// A repository with branches `b0`, `b1`, …, of which every third is at the same commit, and a server.
struct Bed {
    sandbox: Sandbox,
    server: GitServer,
}

impl Bed {
    fn new(branches: usize) -> Self {
        let sandbox = Sandbox::new();
        for commit in 0..3.min(branches) {
            sandbox.commit(&[("app/a.yaml", Some(&config_map("a", &commit.to_string())))]);
            for branch in (commit..branches).step_by(3) {
                git(&sandbox.repo(), ["branch", &format!("b{branch}")]);
            }
        }
        let server = GitServer::start(sandbox.path(), Options::default());
        Self { sandbox, server }
    }

    /// A Repository and an App for each (name, URL, branch).
    fn configure(&self, interval: &str, all: &[(String, String, String)]) {
        let documents = all.iter().map(|(name, url, branch)| {
            format!(
                "apiVersion: windlass.dev/v1alpha1\nkind: Repository\nmetadata: {{name: {name}}}\n\
                 spec: {{git: {{url: '{url}', ref: {{branch: {branch}}}}}, interval: {interval}}}\n---\n\
                 apiVersion: windlass.dev/v1alpha1\nkind: App\nmetadata: {{name: {name}}}\n\
                 spec: {{repository: {name}, path: app, target: {{directory: out}}}}\n"
            )
        });
        let text = documents.collect::<Vec<_>>().join("---\n");
        fs::write(self.sandbox.path().join("windlass.yaml"), text).unwrap();
    }

    /// As many of this server's, one for each branch.
    fn all(&self, count: usize) -> Vec<(String, String, String)> {
        let one = |n| (format!("r{n}"), self.server.url("repo"), format!("b{n}"));
        (0..count).map(one).collect()
    }

    fn run(&self) -> Running {
        Running::start(self.sandbox.command(&["run", "windlass.yaml", "-o", "json"]))
    }

    /// Handshakes, questions for references and fetches since the last look.
    fn requests(&self) -> [usize; 3] {
        counts(&self.server.take_log())
    }
}

fn counts(log: &[String]) -> [usize; 3] {
    [HANDSHAKE, " ls-refs", " fetch"].map(|part| log.iter().filter(|line| line.contains(part)).count())
}

fn of(app: &str, health: &str) -> impl Fn(&Value) -> bool {
    move |report| report["app"] == app && report["health"] == health
}

#[test]
fn a_sync_of_many_asks_once_and_fetches_what_changed() {
    let bed = Bed::new(30);
    bed.configure("1h", &bed.all(30));
    let sync = || bed.sandbox.sync(&[]);
    let first = sync();
    assert_eq!(first.code, Some(0), "{first:?}");
    // Three commits under thirty names: once for all, and once for each that is not here.
    assert_eq!(bed.requests(), [4, 4, 3]);
    let second = sync();
    assert_eq!((second.code, second.reports.len()), (Some(0), 30), "{second:?}");
    assert_eq!(bed.requests(), [1, 1, 0]);
    git(&bed.sandbox.repo(), ["checkout", "--quiet", "b7"]);
    let head = bed.sandbox.commit(&[("app/a.yaml", Some(&config_map("a", "7")))]);
    let third = sync();
    assert_eq!(third.report("r7")["revision"], head.as_str());
    assert_eq!(third.counts("r6"), [0, 0, 1, 0, 0], "its own branch is where it was");
    assert_eq!(bed.requests(), [2, 2, 1]);
}

#[test]
fn a_hundred_repositories_of_one_url_are_one_poll() {
    let bed = Bed::new(100);
    bed.configure("2s", &bed.all(100));
    let running = bed.run();
    for n in [0, 1, 2, 99] {
        running.report("it is applied", of(&format!("r{n}"), "healthy"));
    }
    bed.requests();
    let began = Instant::now();
    git(&bed.sandbox.repo(), ["checkout", "--quiet", "b7"]);
    for value in ["7", "8"] {
        let head = bed.sandbox.commit(&[("app/a.yaml", Some(&config_map("a", value)))]);
        running.report("the commit is there", |report| {
            report["app"] == "r7" && report["revision"] == head.as_str()
        });
    }
    let (rounds, [_, questions, fetches]) = (began.elapsed().as_secs_f64() / 2.0, bed.requests());
    // A question for all in every round, and one more with each fetch; on their own they would have been a hundred in a round.
    assert!(
        questions >= 4 && questions as f64 <= rounds + 4.0,
        "{questions} in {rounds} rounds"
    );
    assert_eq!(fetches, 2);
}

#[test]
fn a_host_that_asks_to_wait_is_told_and_not_asked() {
    let bed = Bed::new(1);
    bed.configure("1h", &bed.all(1));
    bed.server
        .set_faults(vec![(HANDSHAKE, Fault::RetryAfter(503, "120".to_owned()))]);
    let synced = bed.sandbox.sync(&[]);
    assert_eq!(
        (synced.code, synced.code_of("r0")),
        (Some(1), "throttled"),
        "{synced:?}"
    );
    let message = synced.report("r0")["diagnostics"][0]["message"].as_str().unwrap();
    let host = bed.server.url("").replace("http://", "").replace('/', "");
    assert!(message.contains(&format!("{host} asks to wait until 2")), "{message}");
    assert_eq!(bed.requests(), [1, 0, 0]);
}

/// What the throttling server says.
const WAIT: Duration = Duration::from_secs(12);

#[test]
fn one_that_throttles_is_left_alone_as_a_whole_and_holds_up_no_other() {
    let bed = Bed::new(2);
    let other = GitServer::start(bed.sandbox.path(), Options::default());
    // Two of the throttling host, which ask for different things, and one of another.
    let copy = bed.sandbox.path().join("copy");
    git(
        bed.sandbox.path(),
        ["clone", "--quiet", "--bare", "repo", &copy.to_string_lossy()],
    );
    let one = |name: &str, url: String| (name.to_owned(), url, "b0".to_owned());
    let all = [
        one("busy", bed.server.url("repo")),
        one("too", bed.server.url("copy")),
        one("free", other.url("repo")),
    ];
    bed.configure("1s", &all);
    let wait = WAIT.as_secs().to_string();
    bed.server.set_faults(vec![(HANDSHAKE, Fault::RetryAfter(429, wait))]);
    let began = Instant::now();
    let running = bed.run();
    running.report("the other host's is applied", of("free", "healthy"));
    let end = Instant::now() + Duration::from_secs(30);
    let mut refused = Vec::new();
    while refused.is_empty() && Instant::now() < end {
        refused.extend(bed.server.take_log());
        thread::sleep(Duration::from_millis(20));
    }
    // Both were under way together, or one was told before it began.
    assert!(!refused.is_empty() && refused.len() <= 2, "{refused:?}");
    bed.server.set_faults(Vec::new());
    git(&bed.sandbox.repo(), ["checkout", "--quiet", "b0"]);
    let head = bed.sandbox.commit(&[("app/a.yaml", Some(&config_map("a", "9")))]);
    running.report("the other host's goes on", |report| {
        report["app"] == "free" && report["revision"] == head.as_str()
    });
    // What says something else is asked at once, but for the host's wait. That the file was taken is told by the App that is new.
    let mut more = all.to_vec();
    more.push(one("new", other.url("repo")));
    bed.configure("2s", &more);
    running.report("the new one is there", of("new", "healthy"));
    let asked = bed.server.take_log();
    if began.elapsed() < WAIT {
        assert_eq!(asked, Vec::<String>::new());
    }
    running.report("it goes on after the wait", of("too", "healthy"));
    assert!(began.elapsed() >= WAIT, "{:?}", began.elapsed());
}
