//! TLS and credentials.

use super::*;
use crate::git_server::{FETCH, Fault, HANDSHAKE};

/// `ada` and `pass:word`, as RFC 7617 writes them.
const BASIC: &str = "Basic YWRhOnBhc3M6d29yZA==";

fn basic(password: &str) -> Auth {
    Auth::Basic {
        username: "ada".into(),
        password: password.into(),
    }
}

#[test]
fn basic_credentials_behind_a_private_authority() {
    let bed = Bed::new();
    let server = bed.serve_tls(Some(BASIC));
    let mirror = bed.mirror_of(remote(&server, basic("pass:word")), Limits::default());
    assert_eq!(text(&main_of(&mirror), "a"), "one\n");
    let log = server.take_log();
    assert_eq!(log.len(), 3, "no request is made twice for a challenge: {log:?}");
}

#[test]
fn a_bearer_token() {
    let bed = Bed::new();
    let server = bed.serve_tls(Some("Bearer t0ken"));
    let mirror = bed.mirror_of(
        remote(&server, Auth::Bearer { token: "t0ken".into() }),
        Limits::default(),
    );
    assert_eq!(text(&main_of(&mirror), "a"), "one\n");
}

#[test]
fn wrong_or_no_credentials_are_told_without_repeating_them() {
    let bed = Bed::new();
    let server = bed.serve_tls(Some(BASIC));
    let error = resolve(
        &bed.mirror_of(remote(&server, basic("wr0ng")), Limits::default()),
        main(),
    )
    .unwrap_err();
    assert!(
        matches!(error, Error::Unauthenticated { given: true, .. }),
        "{}",
        chain(&error)
    );
    assert!(!format!("{error:?} {}", chain(&error)).contains("wr0ng"));
    assert!(!error.retryable());
    let error = resolve(&bed.mirror_of(remote(&server, Auth::None), Limits::default()), main()).unwrap_err();
    assert!(
        matches!(error, Error::Unauthenticated { given: false, .. }),
        "{}",
        chain(&error)
    );
}

#[test]
fn an_unknown_authority_is_refused() {
    let bed = Bed::new();
    let server = bed.serve_tls(None);
    for ca_pem in [None, Some(Authority::new().ca_pem)] {
        let tls = Tls { ca_pem, client: None };
        let remote = Remote::new(&server.url("repo"), basic("pass:word"), tls).unwrap();
        let error = resolve(&bed.mirror_of(remote, Limits::default()), main()).unwrap_err();
        assert!(matches!(error, Error::Tls { .. }), "{}", chain(&error));
    }
    assert!(server.take_log().is_empty(), "no credentials were sent");
}

#[test]
fn a_renamed_repository_is_followed_on_the_same_host() {
    let bed = Bed::new();
    std::os::unix::fs::symlink(bed.served(), bed.served().join("new")).unwrap();
    let server = bed.serve_tls(Some(BASIC));
    let base = server.url("new");
    server.set_faults(vec![("GET /repo/", Fault::Redirect(base))]);
    let mirror = bed.mirror_of(remote(&server, basic("pass:word")), Limits::default());
    assert_eq!(text(&main_of(&mirror), "a"), "one\n");
    let log = server.take_log();
    assert!(
        log.iter()
            .filter(|l| l.starts_with("POST"))
            .all(|l| l.starts_with("POST /new/repo/")),
        "{log:?}"
    );
}

#[test]
fn a_redirect_to_another_host_is_refused() {
    let bed = Bed::new();
    let (server, other) = (bed.serve_tls(Some(BASIC)), bed.serve_tls(None));
    server.set_faults(vec![(
        HANDSHAKE,
        Fault::Redirect(other.url("").trim_end_matches('/').to_owned()),
    )]);
    let error = resolve(
        &bed.mirror_of(remote(&server, basic("pass:word")), Limits::default()),
        main(),
    )
    .unwrap_err();
    assert!(
        matches!(&error, Error::Redirected { to, .. } if to.contains("127.0.0.1")),
        "{}",
        chain(&error)
    );
    assert!(other.take_log().is_empty());
}

#[test]
fn a_redirect_loop_ends() {
    let bed = Bed::new();
    let server = bed.serve();
    server.set_faults(vec![(
        HANDSHAKE,
        Fault::Redirect(server.url("").trim_end_matches('/').to_owned()),
    )]);
    let error = resolve(&bed.mirror_of(remote(&server, Auth::None), Limits::default()), main()).unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{}", chain(&error));
    assert!(server.take_log().len() < 10);
}

#[test]
fn statuses_are_told_apart() {
    let bed = Bed::new();
    let server = bed.serve();
    let mirror = bed.mirror_of(remote(&server, Auth::None), Limits::default());
    let ask = |part, code| {
        server.set_faults(vec![(part, Fault::Status(code))]);
        resolve(&mirror, main()).unwrap_err()
    };
    assert!(matches!(ask(HANDSHAKE, 404), Error::NotFound { .. }));
    assert!(matches!(ask(HANDSHAKE, 403), Error::Forbidden { .. }));
    for (part, code, retryable) in [(HANDSHAKE, 503, true), (FETCH, 502, true), (FETCH, 400, false)] {
        let error = ask(part, code);
        assert!(
            matches!(&error, Error::Refused { message, .. } if message.contains(&code.to_string())),
            "{}",
            chain(&error)
        );
        assert_eq!(error.retryable(), retryable, "{code}");
    }
    server.set_faults(Vec::new());
    assert!(resolve(&mirror, main()).is_ok());
}

#[test]
fn renewed_credentials_keep_their_mirror() {
    let bed = Bed::new();
    let server = bed.serve_tls(Some(BASIC));
    let mirrors = Mirrors::new(bed.mirrors(), Limits::default());
    let stale = mirrors
        .open(remote(&server, basic("expired")).with_identity("team/token"))
        .unwrap();
    assert!(resolve(&stale, main()).is_err());
    let fresh = mirrors
        .open(remote(&server, basic("pass:word")).with_identity("team/token"))
        .unwrap();
    assert!(resolve(&fresh, main()).is_ok());
    assert!(Arc::ptr_eq(&fresh, &mirrors.open(fresh.remote().clone()).unwrap()));
    bed.mirror_dir();
}
