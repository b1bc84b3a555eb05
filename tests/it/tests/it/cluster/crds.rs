//! Windlass' own kinds on a real API server: what it takes, refuses and explains, beside what `config::read` says of the same document.

mod cases;

use std::{
    collections::BTreeMap,
    process::{Command, Output},
    sync::LazyLock,
    thread,
    time::{self, Duration},
};

use serde_json::{Value, json};
use windlass_core::{
    config::{API_VERSION, Home, read},
    crds::{self, Kind, Scope},
    digest::Digest,
    holds::{Decisions, Hold, Suspension},
    hooks,
    inventory::{self, Clock, Inventory, Owned, Ruled},
    ledger::{self, Kept, Ledger, Writer},
    model::ObjectId,
    outbox,
    render::Instant,
    restart::Configured,
    status::{AppStatus, Aspect, Condition, Truth},
    yaml,
};
use windlass_tests::cluster::{Answer, Client, Cluster, Content, User, eventually};

/// For what takes a fraction of a second on a quiet machine.
const SOON: Duration = Duration::from_secs(60);

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// The server, once it serves the kinds.
fn server() -> &'static Cluster {
    static READY: LazyLock<&'static Cluster> = LazyLock::new(|| {
        let server = Cluster::shared();
        for definition in crds::definitions() {
            let answer = apply(&server.client(), &definition);
            assert_eq!(
                (answer.status / 100, answer.warning),
                (2, None),
                "{}",
                said(&answer.body)
            );
        }
        for kind in &crds::KINDS {
            let path = format!("{DEFINITIONS}/{}", kind.definition());
            eventually(SOON, "a kind is established", || {
                Ok(condition(&server.client().get(&path)?, "Established") == "True")
            })
            .unwrap();
            // Established is said a moment before it is served.
            eventually(SOON, "a kind is served", || {
                let list = format!("/apis/{}/{}/{}", crds::GROUP, crds::VERSION, kind.plural);
                Ok(server.client().send("GET", &list, None)?.status == 200)
            })
            .unwrap();
        }
        server
    });
    &READY
}

fn said(body: &[u8]) -> String {
    String::from_utf8_lossy(body).into_owned()
}

fn apply(client: &Client, definition: &Value) -> Answer {
    let name = definition["metadata"]["name"].as_str().unwrap();
    let content = Content {
        kind: "application/apply-patch+yaml",
        value: definition,
    };
    let target = format!("{DEFINITIONS}/{name}?fieldManager=test&fieldValidation=Strict");
    client.send("PATCH", &target, Some(content)).unwrap()
}

/// Status of a condition; "" = there is none.
fn condition(object: &Value, about: &str) -> String {
    let all = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let found = all.iter().find(|one| one["type"] == about);
    found.map_or_else(String::new, |one| one["status"].as_str().unwrap().to_owned())
}

fn kind(name: &str) -> &'static Kind {
    crds::KINDS.iter().find(|kind| kind.kind == name).unwrap()
}

fn list_of(kind: &Kind, namespace: &str) -> String {
    let root = format!("/apis/{}/{}", crds::GROUP, crds::VERSION);
    match kind.scope {
        Scope::Namespaced => format!("{root}/namespaces/{namespace}/{}", kind.plural),
        Scope::Cluster => format!("{root}/{}", kind.plural),
    }
}

/// A document as it is in that namespace, or in none where its kind has none.
fn placed(mut document: Value, namespace: &str) -> Value {
    let kind = kind(document["kind"].as_str().unwrap());
    let metadata = document["metadata"].as_object_mut().unwrap();
    match kind.scope {
        Scope::Namespaced => metadata.insert("namespace".to_owned(), json!(namespace)),
        Scope::Cluster => metadata.remove("namespace"),
    };
    document
}

/// Sends a document and stores nothing. Unknown fields are refused, as `kubectl` asks for.
fn try_out(document: &Value, namespace: &str) -> Answer {
    let list = list_of(kind(document["kind"].as_str().unwrap()), namespace);
    let content = Content {
        kind: "application/json",
        value: document,
    };
    let target = format!("{list}?dryRun=All&fieldValidation=Strict");
    server().client().send("POST", &target, Some(content)).unwrap()
}

#[test]
fn they_are_established_without_a_warning_and_applied_again_change_nothing() {
    let client = server().client();
    for (kind, definition) in crds::KINDS.iter().zip(crds::definitions()) {
        let before = client.get(&format!("{DEFINITIONS}/{}", kind.definition())).unwrap();
        assert_eq!(condition(&before, "NamesAccepted"), "True", "{}", kind.kind);
        assert_ne!(condition(&before, "NonStructuralSchema"), "True", "{before}");
        let answer = apply(&client, &definition);
        assert_eq!((answer.status, answer.warning.as_deref()), (200, None));
        let after = answer.json().unwrap();
        assert_eq!(
            after["metadata"]["resourceVersion"],
            before["metadata"]["resourceVersion"]
        );
        // Nothing of the schema was dropped or filled in on the way.
        assert_eq!(
            after["spec"]["versions"][0]["schema"], definition["spec"]["versions"][0]["schema"],
            "{}",
            kind.kind
        );
    }
}

#[test]
fn what_is_wrong_is_refused_with_a_sentence_by_both() {
    let namespace = server().namespace("crds").unwrap();
    let mut wrong = Vec::new();
    for case in cases::bad_all() {
        let document = placed(case.document(), &namespace);
        match read(&document, Home::Cluster) {
            Ok(_) => wrong.push(format!("the reader takes {document}")),
            Err(error) if !error.message.contains(case.reader) => {
                wrong.push(format!("the reader says {error}, not {}", case.reader));
            }
            Err(_) => {}
        }
        let answer = try_out(&document, &namespace);
        let message = answer.json().unwrap()["message"].to_string();
        if answer.status / 100 == 2 {
            wrong.push(format!("the API server takes {document}"));
        } else if !message.contains(case.server) {
            wrong.push(format!("the API server says {message}, not {}", case.server));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_right_is_taken_by_both_and_comes_back_as_it_was() {
    let namespace = server().namespace("crds").unwrap();
    let mut taken = 0;
    for document in cases::good() {
        let document = placed(document, &namespace);
        let meant = read(&document, Home::Cluster).unwrap_or_else(|error| panic!("{error}: {document}"));
        let answer = try_out(&document, &namespace);
        assert_eq!(
            (answer.status, &answer.warning),
            (201, &None),
            "{document}: {}",
            said(&answer.body)
        );
        let stored = answer.json().unwrap();
        assert_eq!(stored["spec"], document["spec"], "nothing is filled in or taken out");
        assert_eq!(read(&stored, Home::Cluster).unwrap(), meant);
        taken += 1;
    }
    assert!(taken > 10, "{taken}");
}

#[test]
fn the_readme_is_told_the_same_by_both() {
    let namespace = server().namespace("crds").unwrap();
    let mut verdicts = Vec::new();
    for document in cases::readme() {
        let document = placed(document, &namespace);
        let by_reader = read(&document, Home::Cluster);
        let answer = try_out(&document, &namespace);
        let is_taken = answer.status == 201;
        assert_eq!(is_taken, by_reader.is_ok(), "{by_reader:?}\n{}", said(&answer.body));
        if !is_taken {
            // What CONFIG may and a cluster may not is a file, or a folder.
            let error = by_reader.unwrap_err().to_string();
            assert!(error.contains("file of the engine's own machine"), "{error}");
            assert!(read(&document, Home::File).is_ok(), "{document}");
        }
        verdicts.push(is_taken);
    }
    assert!(verdicts.contains(&true) && verdicts.contains(&false), "{verdicts:?}");
}

#[test]
fn a_status_is_written_beside_the_spec_and_nowhere_else() {
    let namespace = server().namespace("crds").unwrap();
    let client = server().client();
    let list = list_of(kind("App"), &namespace);
    let app = json!({"apiVersion": API_VERSION, "kind": "App", "metadata": {"name": "api"}, "spec": {"repository": "shop"},
        "status": {"revision": "made up"}});
    let made = client.create(&list, &app).unwrap();
    assert_eq!(made.get("status"), None, "who writes the spec writes no status");
    let status = AppStatus {
        observed_generation: Some(1),
        revision: Some("0123456789ab".into()),
        conditions: vec![Condition {
            about: Aspect::Healthy,
            status: Truth::True,
            observed_generation: Some(1),
            last_transition_time: windlass_core::moment::parse("2026-01-01T00:00:00Z").unwrap(),
            reason: "Healthy".into(),
            message: "all 3 objects do what they are for".into(),
        }],
        ..AppStatus::default()
    };
    let patch = json!({"status": status, "spec": {"path": "elsewhere"}});
    let after = client.merge(&format!("{list}/api/status"), &patch).unwrap();
    assert_eq!(
        serde_json::from_value::<AppStatus>(after["status"].clone()).unwrap(),
        status
    );
    assert_eq!(
        (&after["metadata"]["generation"], &after["spec"]["path"]),
        (&json!(1), &Value::Null)
    );
    let bad = json!({"status": {"conditions": [{"type": "Fine", "status": "True", "reason": "A", "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z"}]}});
    assert!(client.merge(&format!("{list}/api/status"), &bad).is_err());

    let Some(table) = kubectl(&["get", "windlass", "--namespace", &namespace]) else {
        return;
    };
    let text = said(&table.stdout);
    let (head, row) = text.trim_end().split_once('\n').unwrap_or_else(|| panic!("{table:?}"));
    assert_eq!(
        head.split_whitespace().collect::<Vec<_>>(),
        ["NAME", "READY", "HEALTH", "REVISION", "REPOSITORY", "AGE"]
    );
    assert!(row.contains("app.windlass.dev/api") || row.starts_with("api"), "{row}");
    assert!(
        row.contains("Healthy") && row.contains("0123456789ab") && row.contains("shop"),
        "{row}"
    );
    for short in ["wapp", "wrepo", "wplugin", "wtenant", "wcluster", "winv"] {
        let found = kubectl(&["get", short, "--namespace", &namespace]).unwrap();
        assert!(found.status.success(), "{short}: {found:?}");
    }
}

/// As the administrator, if this machine has one.
fn kubectl(args: &[&str]) -> Option<Output> {
    let known = Command::new("kubectl").args(["version", "--client"]).output();
    if !known.is_ok_and(|known| known.status.success()) {
        return None;
    }
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new("kubectl");
    command
        .arg("--kubeconfig")
        .arg(server().kubeconfig())
        .args(args)
        .env("HOME", home.path());
    Some(command.output().unwrap())
}

#[test]
fn kubectl_explains_in_our_words() {
    for (field, words) in [
        ("apps.windlass.dev", "App is a folder of a Repository"),
        ("apps.windlass.dev.spec.sync", "When what git says is applied."),
        ("apps.windlass.dev.spec.sync.mode", "Default: `Auto`"),
        ("apps.windlass.dev.spec.rollback.mode", "`Off`: No."),
        (
            "apps.windlass.dev.status.hold",
            "Why git's word doesn't count at the moment.",
        ),
        ("repositories.windlass.dev.spec.interval", "Default: `5m`"),
        ("tenants.windlass.dev.spec.repositories", "Absent = any"),
        ("clusters.windlass.dev.spec.lock", "API server refuses"),
        ("plugins.windlass.dev.spec.versions.digest", "SHA-256"),
        (
            "inventories.windlass.dev.spec.targets.inventory.entries",
            "objects, by identity",
        ),
    ] {
        // It breaks lines where it likes.
        let text = |told: &Output| said(&told.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
        let Some(mut told) = kubectl(&["explain", field]) else {
            return;
        };
        // What a kind looks like is published some seconds after it is served.
        let start = time::Instant::now();
        while !told.status.success() && start.elapsed() < SOON {
            thread::sleep(Duration::from_millis(200));
            told = kubectl(&["explain", field]).unwrap();
        }
        assert!(
            told.status.success() && text(&told).contains(words),
            "{field}: {told:?}"
        );
    }
}

#[test]
fn what_install_prints_is_what_kubectl_applies() {
    let printed = Command::new(crate::sandbox::WINDLASS)
        .args(["install", "--export", "--crds-only"])
        .output()
        .unwrap();
    let text = said(&printed.stdout);
    assert!(printed.status.success(), "{printed:?}");
    let documents: Vec<Value> = yaml::parse(&text).unwrap().into_iter().map(|one| one.value).collect();
    assert_eq!(documents, crds::definitions());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("install.yaml");
    std::fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    let args = [
        "apply",
        "--server-side",
        "--dry-run=server",
        "--force-conflicts",
        "--warnings-as-errors",
        "-f",
        file,
    ];
    let Some(applied) = kubectl(&args) else { return };
    assert!(applied.status.success(), "{applied:?}");
    assert_eq!(said(&applied.stdout).lines().count(), crds::KINDS.len());

    // `Off` is a boolean for `kubectl` too.
    let app = "apiVersion: windlass.dev/v1alpha1\nkind: App\nmetadata: {name: without}\nspec: {repository: shop, rollback: {mode: Off}, prune: {mode: Off}}\n";
    std::fs::write(folder.path().join("install.yaml"), app).unwrap();
    let off = kubectl(&["create", "--dry-run=server", "-o", "json", "-f", file]).unwrap();
    assert!(off.status.success(), "{off:?}");
    let read = read(&serde_json::from_slice(&off.stdout).unwrap(), Home::Cluster).unwrap();
    let windlass_core::config::Spec::App(spec) = read.spec else {
        panic!()
    };
    assert_eq!(spec.prune.mode, windlass_core::config::PruneMode::Off);
    // And a field that nobody knows is told of.
    std::fs::write(file, app.replace("prune", "prun")).unwrap();
    let unknown = kubectl(&["create", "--dry-run=server", "-f", file]).unwrap();
    assert!(
        !unknown.status.success() && said(&unknown.stderr).contains("unknown field \"spec.prun\""),
        "{unknown:?}"
    );
}

#[test]
fn nobody_without_a_right_writes_any_of_them() {
    let namespace = server().namespace("crds").unwrap();
    let nobody = server().client_with(Some(server().token(User::Nobody)));
    for kind in &crds::KINDS {
        assert_eq!(
            nobody.send("GET", &list_of(kind, &namespace), None).unwrap().status,
            403
        );
    }
}

/// Everything that the engine keeps comes back as it was written: what a schema doesn't know, an API server takes away without a word.
#[test]
fn what_is_kept_of_an_app_comes_back_whole() {
    let id = ObjectId {
        group: "apps".into(),
        kind: "Deployment".into(),
        namespace: "shop".into(),
        name: "api".into(),
    };
    let at = Instant {
        seconds: 1_700_000_000,
        nanoseconds: 0,
    };
    let digest = Digest::of(b"a");
    let run = hooks::Run {
        id: id.clone(),
        prefix: Some("migrate-".into()),
        phase: hooks::Phase::Pre,
        uid: Some("u".into()),
        ending: Some(hooks::Ending::Failed {
            why: "w".into(),
            output: vec!["o".into()],
        }),
        deleted: true,
    };
    let owned = Owned {
        applied: Some(digest),
        intended: Some(digest),
        deleting: true,
        uid: Some("u".into()),
        projection: Some(digest),
        keep: true,
        only_made: true,
        ruled: Ruled {
            rules: Some(digest),
            heeded: Some(digest),
        },
        configured: Some(Configured {
            used: [("ConfigMap shop/a".into(), "0123".into())].into(),
            stamp: Some("4567".into()),
            restarted: Some(at),
        }),
    };
    let bare = ObjectId {
        name: "bare".into(),
        ..id.clone()
    };
    let inventory = Inventory {
        format: inventory::FORMAT,
        entries: [(id.clone(), owned), (bare, Owned::default())].into(),
        revision: Some("c".into()),
        desired: None,
        run: Some("r".into()),
        clock: Some(Clock {
            now: at,
            inputs: digest,
        }),
        hooks: Some(hooks::Log {
            desired: digest,
            occasion: hooks::Occasion::Install,
            done: true,
            runs: vec![run.clone()],
            left: vec![run],
        }),
    };
    let entry = json!({
        "format": 1, "number": 7, "at": "2026-01-05T08:59:58Z",
        "origin": {"repository": "repo", "path": "api", "namespace": "shop", "revision": null, "author": "", "subject": "s"},
        "plugin": {"reference": "yaml@1.0.0", "digest": digest}, "desired": digest, "run": "base/run",
        "changes": {"created": 1, "configured": 2, "deleted": 3, "unchanged": 4, "skipped": 5},
        "objects": [{"object": id, "action": "create"}], "omitted": 0, "outcome": "healthy", "message": "", "wasHealthy": true,
        "replays": null, "actor": null, "defines": false, "preHook": false,
    });
    let ledger = Ledger {
        format: ledger::FORMAT,
        writer: Some(Writer {
            replica: "one".into(),
            shard: 3,
            epoch: 4,
        }),
        targets: vec![Kept {
            key: "https://a|shop/api".into(),
            inventory: Some(inventory),
            deployed: Some(json!({"cluster": null, "prune": {"mode": "Auto"}})),
            decisions: Some(Decisions {
                hold: Some(Hold {
                    entry: 3,
                    desired: digest,
                    run: "r".into(),
                    revision: None,
                    actor: None,
                    since: at,
                }),
                ..Decisions::default()
            }),
            history: vec![serde_json::from_value(entry).unwrap()],
        }],
        suspension: Some(Suspension {
            reason: "r".into(),
            actor: None,
            since: Some(at),
            until: None,
        }),
        standing: Some(outbox::Standing::default()),
        outbox: BTreeMap::new(),
        pieces: vec!["api.piece-0".into()],
        piece: Some("x".into()),
    };
    let server = server();
    let namespace = server.namespace("ledger").unwrap();
    let list = format!("/apis/{API_VERSION}/namespaces/{namespace}/inventories");
    let object = json!({
        "apiVersion": API_VERSION, "kind": "Inventory", "metadata": {"name": "api"}, "spec": ledger,
    });
    server.client().create(&list, &object).unwrap();
    let back = server.client().get(&format!("{list}/api")).unwrap();
    // An API server leaves out what is `null`.
    assert_eq!(Ledger::read(&back["spec"]).unwrap(), ledger);
}
