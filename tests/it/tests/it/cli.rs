//! The command line as a person or a script meets it: words, places, exit codes.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Child, ChildStdout, Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    git_server::{Authority, GitServer, Options},
    sandbox::{Sandbox, config_map, git, plugins},
};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn render_prints_what_the_folder_holds_and_tells_mistakes_with_a_caret() {
    let sandbox = Sandbox::new();
    sandbox.commit(&[("app/a.yaml", Some(&config_map("a", "1")))]);
    let good = sandbox.windlass(&["render", "repo/app"]);
    assert_eq!(
        (good.status.code(), text(&good.stdout)),
        (Some(0), config_map("a", "1")),
        "{}",
        text(&good.stderr)
    );
    sandbox.commit(&[(
        "app/b.yaml",
        Some("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\ndata: {port: 80}\nx: [1\n"),
    )]);
    let bad = sandbox.windlass(&["render", "repo/app"]);
    let said = text(&bad.stderr);
    assert_eq!(bad.status.code(), Some(1), "{said}");
    assert!(
        said.contains("error[invalid-yaml]") && said.contains("app/b.yaml:5") && said.contains('^'),
        "{said}"
    );
}

#[test]
fn render_explains_what_was_read() {
    let sandbox = Sandbox::new();
    sandbox.commit(&[
        ("app/a.yaml", Some(&config_map("a", "1"))),
        ("other/b.yaml", Some("unread: true\n")),
    ]);
    let output = sandbox.windlass(&["render", "repo/app", "--explain"]);
    let said = text(&output.stderr);
    assert!(said.contains("app/a.yaml") && !said.contains("other"), "{said}");
}

#[test]
fn render_shows_uncommitted_work_but_not_what_git_ignores() {
    let sandbox = Sandbox::new();
    sandbox.commit(&[
        (".gitignore", Some("*.secret.yaml\n")),
        ("app/a.yaml", Some(&config_map("a", "1"))),
    ]);
    fs::write(sandbox.repo().join("app/a.yaml"), config_map("a", "edited")).unwrap();
    fs::write(sandbox.repo().join("app/new.yaml"), config_map("new", "1")).unwrap();
    fs::write(sandbox.repo().join("app/x.secret.yaml"), config_map("hidden", "1")).unwrap();
    let shown = text(&sandbox.windlass(&["render", "repo/app"]).stdout);
    assert!(
        shown.contains("edited") && shown.contains("name: new") && !shown.contains("hidden"),
        "{shown}"
    );
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let sandbox = Sandbox::new();
    sandbox.commit(&[(
        "app/a.yaml",
        Some("apiVersion: v1\nkind: Pod\nmetadata: {name: \"x\\e[31mred\"}\nspec: [\n"),
    )]);
    let output = sandbox.windlass(&["render", "repo/app"]);
    assert!(!text(&output.stderr).contains('\u{1b}'), "{:?}", text(&output.stderr));
}

#[test]
fn diff_says_what_is_pending_by_its_exit_code_and_hides_secrets() {
    let sandbox = Sandbox::new();
    let secret = |value: &str| {
        format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\nstringData: {{password: {value}}}\n")
    };
    sandbox.commit(&[
        ("app/s.yaml", Some(&secret("hunter2"))),
        ("app/a.yaml", Some(&config_map("a", "1"))),
    ]);
    sandbox.config(&[("app", "  path: app\n")]);
    let target = format!("dir:{}", sandbox.out().display());
    let diff = || sandbox.windlass(&["diff", "windlass.yaml", "--target", &target]);
    assert_eq!(diff().status.code(), Some(3));
    assert!(sandbox.files().is_empty(), "a diff writes nothing");
    assert_eq!(sandbox.sync(&[]).code, Some(0));
    assert_eq!(diff().status.code(), Some(0));
    sandbox.commit(&[
        ("app/s.yaml", Some(&secret("correct-horse"))),
        ("app/a.yaml", Some(&config_map("a", "2"))),
    ]);
    let pending = diff();
    let shown = text(&pending.stdout);
    assert_eq!(pending.status.code(), Some(3));
    assert!(
        shown.contains("+  value: \"2\"") || shown.contains("+  value: '2'"),
        "{shown}"
    );
    assert!(
        !shown.contains("hunter2") && !shown.contains("correct-horse"),
        "{shown}"
    );
}

#[test]
fn diff_compares_two_revisions_of_an_app_without_a_target() {
    let sandbox = Sandbox::new();
    let first = sandbox.commit(&[
        ("app/a.yaml", Some(&config_map("a", "1"))),
        ("app/gone.yaml", Some(&config_map("gone", "1"))),
        ("app/same.yaml", Some(&config_map("same", "1"))),
    ]);
    git(&sandbox.repo(), ["tag", "v1"]);
    let second = sandbox.commit(&[
        ("app/a.yaml", Some(&config_map("a", "2"))),
        ("app/gone.yaml", None),
        ("app/new.yaml", Some(&config_map("new", "1"))),
    ]);
    sandbox.commit(&[("app/broken.yaml", Some("a: [1\n"))]);
    sandbox.config(&[("app", "  path: app\n")]);
    let travel = |from: &str, to: &str, more: &[&str]| {
        let mut args = vec!["diff", "windlass.yaml", "app", from, to];
        args.extend(more);
        let output = sandbox.windlass(&args);
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, shown, said) = travel("v1", &second, &[]);
    assert_eq!(code, Some(3), "{said}");
    for line in [
        "--- v1 ConfigMap a",
        "-  value: \"1\"",
        "+  value: \"2\"",
        "delete ConfigMap gone",
        "create ConfigMap new",
        "1 to create, 1 to configure, 1 to delete in 1 app",
    ] {
        assert!(shown.contains(line), "`{line}` is not in\n{shown}");
    }
    assert!(!shown.contains("ConfigMap same"), "{shown}");
    // Backwards it is the other way round, and there is nothing between a revision and itself.
    assert!(travel(&second, &first, &[]).1.contains("create ConfigMap gone"));
    assert_eq!(travel("v1", &first, &[]).0, Some(0));
    let json: Value = serde_json::from_str(&travel("v1", &second, &["-o", "json"]).1).unwrap();
    assert_eq!(
        (&json[0]["from"], &json[0]["revision"]),
        (&first.as_str().into(), &second.as_str().into())
    );

    let (code, _, said) = travel("v1", "main", &[]);
    assert_eq!(code, Some(1));
    assert!(said.contains("at main") && said.contains("app/broken.yaml:"), "{said}");
    let (code, _, said) = travel("v9", "main", &[]);
    assert_eq!(code, Some(1));
    assert!(
        said.contains("at v9") && said.contains("no branch v9") && said.contains("a branch, a tag"),
        "{said}"
    );
    let unknown = sandbox.windlass(&["diff", "windlass.yaml", "other", "v1", "main"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(&unknown.stderr).contains("there are `app`"));
    let half = sandbox.windlass(&["diff", "windlass.yaml", "app", "v1"]);
    assert_eq!(half.status.code(), Some(2));
    assert!(sandbox.files().is_empty());
}

#[test]
fn a_bad_configuration_is_a_usage_error_with_its_place() {
    let sandbox = Sandbox::new();
    sandbox.config(&[("app", "  path: app\n  targt: {}\n")]);
    let output = sandbox.windlass(&["sync", "windlass.yaml", "--target", "dir:out"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("windlass.yaml:") && said.contains("targt"), "{said}");
    assert_eq!(sandbox.windlass(&["sync"]).status.code(), Some(2));
    assert_eq!(
        sandbox
            .windlass(&["sync", "windlass.yaml", "--target", "cluster:x"])
            .status
            .code(),
        Some(2)
    );
}

#[test]
fn health_tells_where_objects_stand_and_why() {
    let sandbox = Sandbox::new();
    let list = "apiVersion: v1\nkind: List\nitems:\n\
        - {apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: shop}}\n\
        - apiVersion: apps/v1\n  kind: Deployment\n  metadata: {name: web, namespace: shop, generation: 1}\n  spec: {replicas: 3}\n  status: {observedGeneration: 1, replicas: 3, updatedReplicas: 3, availableReplicas: 1}\n";
    fs::write(sandbox.path().join("live.yaml"), list).unwrap();
    let table = sandbox.windlass(&["health", "live.yaml"]);
    assert_eq!(table.status.code(), Some(3), "{}", text(&table.stderr));
    assert_eq!(
        text(&table.stdout),
        "OBJECT                     STATE         REASON          MESSAGE\n\
         ConfigMap shop/a           Healthy       -               it is there\n\
         Deployment.apps shop/web   Progressing   LessAvailable   1 of 3 are available\n"
    );
    let json = sandbox.windlass(&["health", "live.yaml", "-o", "json"]);
    let lines: Vec<Value> = text(&json.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[1]["object"]["name"], "web");
    assert_eq!(
        (&lines[1]["state"], &lines[1]["reason"]),
        (&"progressing".into(), &"LessAvailable".into())
    );

    fs::write(sandbox.path().join("bad.yaml"), "apiVersion: batch/v1\nkind: Job\nmetadata: {name: once}\nstatus: {conditions: [{type: Failed, status: 'True', reason: BackoffLimitExceeded, message: \"\\e[31mno\"}]}\n").unwrap();
    let bad = sandbox.windlass(&["health", "bad.yaml"]);
    assert_eq!(bad.status.code(), Some(1));
    assert!(text(&bad.stdout).contains("BackoffLimitExceeded") && !text(&bad.stdout).contains('\u{1b}'));

    fs::write(sandbox.path().join("odd.yaml"), "a: 1\n---\n- x\n").unwrap();
    for (file, said) in [("odd.yaml", "line 1"), ("none.yaml", "none.yaml")] {
        let odd = sandbox.windlass(&["health", file]);
        assert_eq!(odd.status.code(), Some(2));
        assert!(text(&odd.stderr).contains(said), "{}", text(&odd.stderr));
    }
}

#[test]
fn inspect_runs_nothing_and_refuses_what_is_no_plugin() {
    let sandbox = Sandbox::new();
    let file = plugins().join("yaml.wasm");
    let output = sandbox.windlass(&["plugin", "inspect", file.to_str().unwrap(), "-o", "json"]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["manifest"]["name"], "yaml");
    fs::write(sandbox.path().join("cut.wasm"), &fs::read(&file).unwrap()[..1000]).unwrap();
    let refused = sandbox.windlass(&["plugin", "inspect", "cut.wasm"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("cut"), "{}", text(&refused.stderr));
}

#[test]
fn a_pinned_plugin_of_another_digest_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.commit(&[("app/a.yaml", Some(&config_map("a", "1")))]);
    let config = sandbox.config(&[("app", "  path: app\n")]);
    let pinned = format!(
        "{}---\napiVersion: windlass.dev/v1alpha1\nkind: Plugin\nmetadata: {{name: yaml}}\nspec:\n  versions:\n  - {{version: 0.1.0, file: '{}', digest: 'sha256:{}'}}\n",
        fs::read_to_string(&config).unwrap(),
        plugins().join("yaml.wasm").display(),
        "0".repeat(64)
    );
    fs::write(&config, pinned).unwrap();
    let refused = sandbox.sync(&[]);
    assert_ne!(refused.code, Some(0));
    assert!(
        refused.stderr.contains("digest") && refused.stderr.contains("admitted"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_panic_and_a_fatal_error_of_a_go_plugin_reach_the_user_as_sentences() {
    let sandbox = Sandbox::new();
    sandbox.commit(&[("app/a.yaml", Some("a: 1\n"))]);
    let guests = plugins().join("guests");
    let render = |mode: &str| {
        let config = format!("{{\"mode\":\"{mode}\"}}");
        let guests = guests.to_str().unwrap().to_owned();
        let output = sandbox.windlass(&[
            "render",
            "repo/app",
            "--plugins",
            &guests,
            "--with",
            "go-stress",
            "--config",
            &config,
        ]);
        assert_eq!(output.status.code(), Some(1));
        text(&output.stderr)
    };
    let panicked = render("panic");
    assert!(
        panicked.contains("panic: raised on purpose") && panicked.contains("defect of the plugin"),
        "{panicked}"
    );
    let fatal = render("deadlock");
    assert!(
        fatal.contains("fatal error: all goroutines are asleep - deadlock!"),
        "{fatal}"
    );
}

#[test]
fn a_repository_behind_tls_and_a_password_is_read_and_its_password_never_told() {
    let sandbox = Sandbox::new();
    sandbox.commit(&[("app/a.yaml", Some(&config_map("a", "1")))]);
    let options = Options {
        authority: Some(Authority::new()),
        // bot:tolstoy
        authorization: Some("Basic Ym90OnRvbHN0b3k="),
        ..Options::default()
    };
    let server = GitServer::start(sandbox.path(), options);
    fs::write(sandbox.path().join("ca.pem"), server.ca_pem().unwrap()).unwrap();
    let config = sandbox.config(&[("app", "  path: app\n")]);
    let plain = fs::read_to_string(&config).unwrap();
    let with = |git: &str, password: &str| {
        fs::write(sandbox.path().join("password"), format!("{password}\n")).unwrap();
        let url = format!("url: 'file://{}'", sandbox.repo().display());
        let text = plain.replace(&url, &format!("url: '{}'{git}", server.url("repo")));
        fs::write(
            &config,
            text.replace(
                "  interval: 1s",
                "  interval: 1s\n  auth: {username: bot, passwordFile: password}",
            ),
        )
        .unwrap();
        sandbox.sync(&[])
    };
    let wrong = with(", caFile: ca.pem", "dostoevsky");
    assert_eq!((wrong.code, wrong.code_of("app")), (Some(1), "source"), "{wrong:?}");
    assert!(
        format!("{wrong:?}").contains("does not accept the credentials"),
        "{wrong:?}"
    );
    assert!(!format!("{wrong:?}").contains("dostoevsky"), "{wrong:?}");
    let untrusted = with("", "tolstoy");
    assert!(format!("{untrusted:?}").contains("certificate"), "{untrusted:?}");
    let good = with(", caFile: ca.pem", "tolstoy");
    assert_eq!((good.code, good.counts("app")), (Some(0), [1, 0, 0, 0, 0]), "{good:?}");
}

/// `run` in the background, its JSON lines as they come.
pub(crate) struct Running {
    child: Child,
    lines: mpsc::Receiver<Value>,
}

/// Longest wait for a line: polls come every second, a busy machine is slow.
const PATIENCE: Duration = Duration::from_secs(60);

impl Running {
    fn start(sandbox: &Sandbox) -> Self {
        Self::start_with(sandbox, &[])
    }

    pub(crate) fn start_with(sandbox: &Sandbox, more: &[String]) -> Self {
        let target = format!("dir:{}", sandbox.out().display());
        let mut child = sandbox
            .command(&["run", "windlass.yaml", "--target", &target, "-o", "json"])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stdout: ChildStdout = child.stdout.take().unwrap();
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = sender.send(serde_json::from_str(&line).unwrap());
            }
        });
        Self { child, lines }
    }

    /// The next line that fits.
    pub(crate) fn until(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self
                .lines
                .recv_timeout(left)
                .unwrap_or_else(|_| panic!("no line: {what}"));
            if fits(&line) {
                return line;
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn run_follows_commits_repairs_drift_and_stops_when_told() {
    let sandbox = Sandbox::new();
    sandbox.commit(&[("app/a.yaml", Some(&config_map("a", "1")))]);
    sandbox.config(&[("app", "  path: app\n")]);
    let mut running = Running::start(&sandbox);
    running.until("the first sync", |line| {
        line["changes"]["created"] == 1 && line["render"] == "fresh"
    });
    running.until("a quiet cycle", |line| {
        line["changes"]["unchanged"] == 1 && line["render"] == "cached"
    });

    let file = sandbox.out().join("app/_cluster/ConfigMap-a.yaml");
    let wanted = fs::read_to_string(&file).unwrap();
    fs::write(&file, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n").unwrap();
    fs::remove_file(&file).unwrap();
    running.until("the repair", |line| line["changes"]["created"] == 1);
    assert_eq!(fs::read_to_string(&file).unwrap(), wanted);

    sandbox.commit(&[("app/a.yaml", Some("a: [\n"))]);
    let broken = running.until("the broken commit", |line| line["health"] == "failed");
    assert_eq!(broken["diagnostics"][0]["at"]["file"]["path"], "app/a.yaml");
    assert_eq!(fs::read_to_string(&file).unwrap(), wanted);

    let head = sandbox.commit(&[("app/a.yaml", Some(&config_map("a", "2")))]);
    let mended = running.until("the mended commit", |line| line["health"] == "healthy");
    assert_eq!(
        (&mended["revision"], &mended["changes"]["configured"]),
        (&Value::from(head), &Value::from(1))
    );

    let asked = Instant::now();
    let pid = running.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert!(running.child.wait().unwrap().success());
    assert!(
        asked.elapsed() < Duration::from_secs(5),
        "stopped after {:?}",
        asked.elapsed()
    );
}
