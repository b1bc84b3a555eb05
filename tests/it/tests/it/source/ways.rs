//! Client certificates, and proxies on the way.

use windlass_source::git::Proxy as Way;

use super::*;
use crate::git_server::proxy::{Manner, Proxy};

fn serve_to_certificates(bed: &Bed) -> GitServer {
    let options = Options {
        authority: Some(Authority::wanting_certificates()),
        ..Options::default()
    };
    GitServer::start(&bed.served(), options)
}

fn remote_as(server: &GitServer, client: Option<ClientCertificate>) -> Remote {
    let tls = Tls {
        ca_pem: server.ca_pem(),
        client,
    };
    Remote::new(&server.url("repo"), Auth::None, tls).unwrap()
}

#[test]
fn a_client_certificate() {
    let bed = Bed::new();
    let server = serve_to_certificates(&bed);
    let client = server.authority().unwrap().client();
    let mirror = bed.mirror_of(remote_as(&server, Some(client)), Limits::default());
    assert_eq!(text(&main_of(&mirror), "a"), "one\n");
}

#[test]
fn no_certificate_or_a_strangers_is_told() {
    let bed = Bed::new();
    let server = serve_to_certificates(&bed);
    let stranger = Authority::new().client();
    for (client, expected) in [(None, false), (Some(stranger), true)] {
        let mirror = bed.mirror_of(remote_as(&server, client), Limits::default());
        let error = resolve(&mirror, main()).unwrap_err();
        assert!(
            matches!(error, Error::ClientCertificate { given, .. } if given == expected),
            "{}",
            chain(&error)
        );
        assert!(!error.retryable());
    }
}

#[test]
fn certificates_that_can_not_be_used_are_refused_at_once() {
    let (one, other) = (Authority::new().client(), Authority::new().client());
    let mixed = ClientCertificate {
        certificate_pem: one.certificate_pem.clone(),
        key_pem: other.key_pem,
    };
    let none = ClientCertificate {
        key_pem: one.certificate_pem.clone(),
        ..one
    };
    let remote = |client| {
        let tls = Tls {
            ca_pem: None,
            client: Some(client),
        };
        Remote::new("https://127.0.0.1:1/x", Auth::None, tls)
    };
    assert!(matches!(
        remote(none),
        Err(Error::Credentials { what: "client key", .. })
    ));
    let bed = Bed::new();
    let error = resolve(&bed.mirror_of(remote(mixed).unwrap(), Limits::default()), main()).unwrap_err();
    assert!(matches!(error, Error::Credentials { .. }), "{}", chain(&error));
}

fn through(server: &GitServer, url: &str, no_proxy: &[&str]) -> Remote {
    let no_proxy: Vec<String> = no_proxy.iter().map(ToString::to_string).collect();
    let credentials = url
        .contains("as-ada")
        .then(|| ("ada".to_owned(), "pass:word".to_owned()));
    let way = Way::new(&url.replace("/as-ada", ""), credentials, &no_proxy).unwrap();
    remote(server, Auth::None).with_proxy(way).unwrap()
}

#[test]
fn a_proxy_tunnels_to_https() {
    let bed = Bed::new();
    let server = bed.serve_tls(None);
    let basic = Manner::Wants("Basic YWRhOnBhc3M6d29yZA==");
    for (manner, path) in [(Manner::Tunnels, ""), (basic, "/as-ada")] {
        let proxy = Proxy::start(manner);
        let remote = through(&server, &format!("http://{}{path}", proxy.address), &[]);
        let dir = bed.dir.path().join(&proxy.address);
        let mirror = Mirrors::new(dir, Limits::default()).open(remote).unwrap();
        assert_eq!(text(&main_of(&mirror), "a"), "one\n", "{manner:?}");
        let target = server.url("").replace("https://", "").replace('/', "");
        assert_eq!(proxy.take_log(), [target], "one connection for all requests");
    }
}

#[test]
fn hosts_without_a_proxy_are_reached_directly() {
    let bed = Bed::new();
    let server = bed.serve_tls(None);
    let proxy = Proxy::start(Manner::Refuses);
    let url = format!("http://{}", proxy.address);
    let mirror = bed.mirror_of(
        through(&server, &url, &["example.org", "127.0.0.0/8"]),
        Limits::default(),
    );
    assert_eq!(text(&main_of(&mirror), "a"), "one\n");
    assert!(proxy.take_log().is_empty());
}

#[test]
fn what_a_proxy_does_wrong_is_told_apart() {
    let bed = Bed::new();
    let server = bed.serve_tls(None);
    let limits = Limits {
        connect: Duration::from_millis(700),
        ..Limits::default()
    };
    for (manner, expected, transient) in [
        (Manner::Refuses, "refuses to connect there", false),
        (Manner::Wants("Basic x"), "asks for credentials", false),
        (Manner::Stalls, "does not answer", true),
        (Manner::HangsUp, "breaks the connection off", true),
    ] {
        let proxy = Proxy::start(manner);
        let remote = through(&server, &format!("http://{}", proxy.address), &[]);
        let (result, took) = timed(|| resolve(&bed.mirror_of(remote, limits), main()));
        let error = result.unwrap_err();
        assert!(
            matches!(error, Error::Proxy { reason, .. } if reason.contains(expected)),
            "{manner:?}: {}",
            chain(&error)
        );
        assert_eq!(error.retryable(), transient, "{manner:?}");
        assert!(error.to_string().contains(&proxy.address), "{error}");
        assert!(took < Duration::from_secs(3), "{took:?}");
    }
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let error = resolve(
        &bed.mirror_of(through(&server, &format!("http://{nobody}"), &[]), limits),
        main(),
    )
    .unwrap_err();
    assert!(
        matches!(
            error,
            Error::Proxy {
                reason: "can't be reached",
                ..
            }
        ),
        "{}",
        chain(&error)
    );
    assert!(server.take_log().is_empty());
}

#[test]
fn a_servers_own_failures_are_not_the_proxys() {
    let bed = Bed::new();
    let server = bed.serve_tls(None);
    let proxy = Proxy::start(Manner::Tunnels);
    let way = || Way::new(&format!("http://{}", proxy.address), None, &[]).unwrap();
    let strict = Remote::new(&server.url("repo"), Auth::None, Tls::default()).unwrap();
    let error = resolve(
        &bed.mirror_of(strict.with_proxy(way()).unwrap(), Limits::default()),
        main(),
    )
    .unwrap_err();
    assert!(matches!(error, Error::Tls { .. }), "{}", chain(&error));
}
