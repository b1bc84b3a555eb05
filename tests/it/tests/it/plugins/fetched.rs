//! Components from a registry: by digest, kept, and nothing that isn't one of those that were admitted.

use std::fs;

use serde_json::Value;

use super::{
    configure, objects,
    registry::{Door, LOGIN, Registry},
    said, sandbox, sync,
    variant::{Variant, plugin},
    windlass,
};
use crate::{
    cluster::bed::Running,
    notify::receiver::{Manner, Receiver},
    sandbox::{Sandbox, Synced},
};

/// A step that asks for the plugin of the registry.
const ACME: &str = "  render: [{plugin: {name: acme}}]\n";

/// One App by the registry's plugin, one by another.
fn serve(sandbox: &Sandbox, spec: &str, entries: &[String]) {
    configure(
        sandbox,
        "",
        &[("app", ACME), ("other", "  render: [{plugin: {name: yaml}}]\n")],
        &plugin("acme", spec, entries),
    );
}

fn pushed(sandbox: &Sandbox, registry: &Registry, variant: &Variant, more: &[&str]) -> Value {
    let to = format!("{}:{}", registry.name("team/acme"), variant.version);
    let file = variant.path.to_str().unwrap();
    let mut args = vec!["plugin", "push", file, &to, "-o", "json"];
    args.extend(more);
    let output = windlass(sandbox, &args);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The App of the registry's plugin fails and says why, the other one goes on.
fn fails_alone(synced: &Synced, says: &str) {
    assert_eq!(synced.code, Some(1), "{synced:?}");
    assert_eq!(synced.code_of("app"), "plugin-not-fetched", "{synced:?}");
    let message = synced.report("app")["diagnostics"][0]["message"].as_str().unwrap();
    assert!(message.contains(says), "{message}");
    assert_eq!(synced.health("other"), "healthy", "{synced:?}");
}

#[test]
fn a_plugin_comes_from_a_registry_once_and_serves_without_it_from_then_on() {
    let (sandbox, registry) = (sandbox(), Registry::new());
    let acme = Variant::new(sandbox.path(), "acme", "1.0.0", &["b.yaml"]);
    let told = pushed(&sandbox, &registry, &acme, &[]);
    assert_eq!(told["digest"], acme.digest.to_string());
    // A second push finds it there.
    assert_eq!(pushed(&sandbox, &registry, &acme, &[]), told);
    let pinned = told["oci"].as_str().unwrap().to_owned();
    let (tag, bare) = (registry.name("team/acme:1.0.0"), registry.name("team/acme"));
    for reference in [&tag, &pinned, &bare] {
        fs::remove_dir_all(sandbox.path().join("cache")).ok();
        registry.take();
        serve(&sandbox, "", &[acme.entry_at(&format!("oci: '{reference}'"))]);
        let synced = sync(&sandbox);
        assert_eq!(synced.code, Some(0), "{reference}: {synced:?}");
        assert_eq!(objects(&sandbox, "app"), ["a"]);
        let asked = registry.take();
        assert_eq!(asked.len(), if reference == &bare { 1 } else { 2 }, "{asked:?}");
    }
    drop(registry);
    let synced = sync(&sandbox);
    assert_eq!((synced.code, synced.health("app")), (Some(0), "healthy"), "{synced:?}");
    // What lies there is held to its digest each time.
    let kept = sandbox
        .path()
        .join(format!("cache/components/{}.wasm", acme.digest.hex()));
    fs::write(&kept, "something else").unwrap();
    fails_alone(&sync(&sandbox), "can't be reached");
}

#[test]
fn what_a_registry_gives_is_what_was_admitted_or_nothing() {
    let (sandbox, registry) = (sandbox(), Registry::new());
    let acme = Variant::new(sandbox.path(), "acme", "1.0.0", &[]);
    let other = Variant::new(sandbox.path(), "acme", "1.0.0", &["b.yaml"]);
    pushed(&sandbox, &registry, &acme, &[]);
    let at = |variant: &Variant, name: &str| variant.entry_at(&format!("oci: '{}'", registry.name(name)));
    serve(&sandbox, "", &[at(&other, "team/acme:1.0.0")]);
    fails_alone(&sync(&sandbox), "admit the new digest");
    serve(&sandbox, "", &[at(&other, "team/acme")]);
    fails_alone(&sync(&sandbox), "has not the component");
    serve(&sandbox, "", &[at(&acme, "team/acme:9.9.9")]);
    fails_alone(&sync(&sandbox), "has not the artifact");
    // Its name and version are those of the document, too.
    let wrong = Variant {
        version: "1.0.1".into(),
        ..acme
    };
    serve(&sandbox, "", &[at(&wrong, "team/acme:1.0.0")]);
    fails_alone(&sync(&sandbox), "says it is `acme 1.0.0`");
    let acme = Variant {
        version: "1.0.0".into(),
        ..wrong
    };
    fs::remove_dir_all(sandbox.path().join("cache")).unwrap();
    serve(&sandbox, "", &[at(&acme, "team/acme")]);
    for (door, says) in [
        (Door::Status("503 Service Unavailable"), "503"),
        (Door::Status("403 Forbidden"), "does not allow it"),
        (Door::Blobs(registry.url("")), "more than 4 redirects"),
        (Door::Endless, "has more than 134217728 bytes"),
        (Door::Blobs("http://192.0.2.1".into()), "without TLS"),
        (Door::Blobs("https://me:pw@localhost".into()), "with a login"),
    ] {
        registry.set(door.clone());
        fails_alone(&sync(&sandbox), says);
        let left: Vec<_> = fs::read_dir(sandbox.path().join("cache/components")).unwrap().collect();
        assert!(left.is_empty(), "{door:?}: {left:?}");
    }
    registry.set(Door::Open);
    assert_eq!(sync(&sandbox).code, Some(0));
}

#[test]
fn credentials_go_to_their_registry_and_to_nobody_else() {
    let (sandbox, registry) = (sandbox(), Registry::with_login());
    let auth = sandbox.path().join("auth.json");
    let [user, password] = LOGIN;
    let host = registry.name("");
    let host = host.trim_end_matches('/');
    fs::write(
        &auth,
        format!(r#"{{"auths": {{"{host}": {{"username": "{user}", "password": "{password}"}}}}}}"#),
    )
    .unwrap();
    let acme = Variant::new(sandbox.path(), "acme", "1.0.0", &[]);
    pushed(&sandbox, &registry, &acme, &["--auth-file", auth.to_str().unwrap()]);
    let entry = acme.entry_at(&format!("oci: '{}'", registry.name("team/acme:1.0.0")));
    serve(&sandbox, "", std::slice::from_ref(&entry));
    fails_alone(&sync(&sandbox), "has no credentials for it");
    let with_login = "  registry: {authFile: auth.json}\n";
    serve(&sandbox, with_login, std::slice::from_ref(&entry));
    let elsewhere = Receiver::plain(Manner::Answer("200 OK", String::new(), b"no component".to_vec()));
    registry.set(Door::Blobs(elsewhere.url("")));
    let synced = sync(&sandbox);
    fails_alone(&synced, "what came has digest");
    let asked = elsewhere.take();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!(asked[0].headers.get("authorization"), None);
    // A token server of another host gets none of them either; one of its own does.
    registry.set(Door::Token(Some(
        elsewhere.url("/token").replace("localhost", "127.0.0.1"),
    )));
    fails_alone(&sync(&sandbox), "gives no token");
    let asked = elsewhere.take();
    assert!(
        asked[0]
            .target
            .starts_with("/token?scope=repository%3Ateam%2Facme%3Apull"),
        "{asked:?}"
    );
    assert_eq!(asked[0].headers.get("authorization"), None);
    drop(registry);

    let registry = Registry::new();
    pushed(&sandbox, &registry, &acme, &[]);
    registry.set(Door::Token(None));
    let entry = acme.entry_at(&format!("oci: '{}'", registry.name("team/acme:1.0.0")));
    serve(&sandbox, "", &[entry]);
    registry.take();
    let synced = sync(&sandbox);
    assert_eq!(synced.code, Some(0), "{synced:?}");
    let asked = registry.take();
    let tokens = asked.iter().filter(|asked| asked.target.starts_with("/token")).count();
    assert_eq!((tokens, asked.len()), (1, 4), "{asked:?}");
    assert!(asked.iter().all(|asked| asked.method == "GET"));
    let last = asked.last().and_then(|asked| asked.authorization.clone());
    assert_eq!(last.as_deref(), Some("Bearer t0ken"));
    for told in [&synced.stderr, &serde_json::to_string(&synced.reports).unwrap()] {
        assert!(!told.contains(password) && !told.contains("t0ken"), "{told}");
    }
}

#[test]
fn a_registry_over_tls_is_trusted_by_its_authority() {
    let (sandbox, registry) = (sandbox(), Registry::with_tls());
    let acme = Variant::new(sandbox.path(), "acme", "1.0.0", &[]);
    let ca = registry.ca_file();
    pushed(&sandbox, &registry, &acme, &["--ca-file", ca.to_str().unwrap()]);
    let entry = acme.entry_at(&format!("oci: '{}'", registry.name("team/acme:1.0.0")));
    serve(
        &sandbox,
        &format!("  registry: {{caFile: '{}'}}\n", ca.display()),
        std::slice::from_ref(&entry),
    );
    let synced = sync(&sandbox);
    assert_eq!(synced.code, Some(0), "{synced:?}");
    fs::remove_dir_all(sandbox.path().join("cache")).unwrap();
    let other = Registry::with_tls();
    let text = format!("  registry: {{caFile: '{}'}}\n", other.ca_file().display());
    serve(&sandbox, &text, &[entry]);
    fails_alone(&sync(&sandbox), "can't be reached");
}

#[test]
fn at_start_without_the_registry_others_go_on_and_it_is_tried_again() {
    let (sandbox, registry) = (sandbox(), Registry::new());
    let acme = Variant::new(sandbox.path(), "acme", "1.0.0", &[]);
    pushed(&sandbox, &registry, &acme, &[]);
    registry.set(Door::Status("503 Service Unavailable"));
    serve(
        &sandbox,
        "",
        &[acme.entry_at(&format!("oci: '{}'", registry.name("team/acme:1.0.0")))],
    );
    let cache = sandbox.path().join("cache");
    let mut command = sandbox.command(&["run", "windlass.yaml", "-o", "json"]);
    command.arg("--cache").arg(cache);
    let running = Running::start(command);
    let (mut failed, mut healthy) = (false, false);
    while !(failed && healthy) {
        let report = running.report("both are told of", |_| true);
        match (report["app"].as_str(), report["health"].as_str()) {
            (Some("app"), Some("failed")) => {
                assert_eq!(report["diagnostics"][0]["code"], "plugin-not-fetched", "{report}");
                failed = true;
            }
            (Some("other"), Some("healthy")) => healthy = true,
            _ => {}
        }
    }
    registry.set(Door::Open);
    running.report("it is there", |report| {
        report["app"] == "app" && report["health"] == "healthy"
    });
}

#[test]
fn a_version_that_can_not_be_had_leaves_the_last_one_serving() {
    let (sandbox, registry) = (sandbox(), Registry::new());
    let first = Variant::new(sandbox.path(), "acme", "1.0.0", &["b.yaml"]);
    serve(&sandbox, "", &[first.entry()]);
    assert_eq!(sync(&sandbox).code, Some(0));
    assert_eq!(objects(&sandbox, "app"), ["a"]);
    let second = Variant::new(sandbox.path(), "acme", "1.1.0", &[]);
    let hollow = Variant::hollow(sandbox.path(), "acme", "1.1.0");
    let away = second.entry_at(&format!("oci: '{}'", registry.name("team/acme:1.1.0")));
    // The first one isn't even admitted any more, nor is its file there.
    fs::remove_file(&first.path).unwrap();
    for (entry, says) in [
        (away.clone(), "has not the artifact"),
        (hollow.entry(), "can't be used"),
    ] {
        serve(&sandbox, "", &[entry]);
        let synced = sync(&sandbox);
        assert_eq!((synced.code, synced.health("app")), (Some(0), "healthy"), "{synced:?}");
        assert!(synced.stderr.contains(says), "{}", synced.stderr);
        assert!(
            synced.stderr.contains("acme@1.0.0 goes on serving"),
            "{}",
            synced.stderr
        );
        let notes = synced.report("app")["notes"].to_string();
        assert!(
            notes.contains("acme@1.0.0 goes on serving; acme@1.1.0 is not ready"),
            "{notes}"
        );
        assert_eq!(objects(&sandbox, "app"), ["a"]);
    }
    pushed(&sandbox, &registry, &second, &[]);
    serve(&sandbox, "", &[away]);
    assert_eq!(sync(&sandbox).code, Some(0));
    assert_eq!(objects(&sandbox, "app"), ["a", "b"]);
    // A mistake with a file stays one of the command line.
    serve(&sandbox, "", &[first.entry()]);
    let synced = windlass(&sandbox, &["sync", "windlass.yaml"]);
    assert!(said(&synced).contains("can't be read"), "{}", said(&synced));
    assert_ne!(synced.status.code(), Some(0));
}
