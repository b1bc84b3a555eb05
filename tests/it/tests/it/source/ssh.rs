//! ssh, against a real `sshd`.

use std::{net::TcpListener, thread};

use super::*;
use crate::git_server::ssh::{SshOptions, SshServer, keygen};

fn remote_at(server: &SshServer, bed: &Bed, auth: Auth) -> Remote {
    Remote::new(&server.url(&bed.repository.path), auth, Tls::default()).unwrap()
}

fn refused(bed: &Bed, remote: Remote, limits: Limits) -> Error {
    resolve(&bed.mirror_of(remote, limits), main()).unwrap_err()
}

#[test]
fn a_key_and_a_known_host() {
    let bed = Bed::new();
    let server = SshServer::start(&SshOptions::default());
    let mirror = bed.mirror_of(remote_at(&server, &bed, server.auth()), Limits::default());
    assert_eq!(text(&main_of(&mirror), "a"), "one\n");
    let second = bed.repository.commit_file("a", "two\n");
    let revision = main_of(&mirror);
    assert_eq!(
        (revision.commit, text(&revision, "a")),
        (Some(id(&second)), "two\n".into())
    );
    let absent = Reference::Commit(id("0123456789012345678901234567890123456789"));
    let error = resolve(&mirror, absent).unwrap_err();
    assert!(matches!(error, Error::CommitMissing { .. }), "{}", chain(&error));
    let missing = Remote::new(&server.url(&bed.served().join("none")), server.auth(), Tls::default()).unwrap();
    let error = refused(&bed, missing, Limits::default());
    assert!(matches!(error, Error::NotFound { .. }), "{}", chain(&error));
    let strange = bed.served().join("it's;$HOME;`id`");
    std::fs::rename(&bed.repository.path, &strange).unwrap();
    let quoted = Remote::new(&server.url(&strange), server.auth(), Tls::default()).unwrap();
    assert_eq!(text(&main_of(&bed.mirror_of(quoted, Limits::default())), "a"), "two\n");
}

#[test]
fn a_server_of_an_older_protocol() {
    let bed = Bed::new();
    let options = SshOptions {
        old_protocol: true,
        ..SshOptions::default()
    };
    let server = SshServer::start(&options);
    let mirror = bed.mirror_of(remote_at(&server, &bed, server.auth()), Limits::default());
    main_of(&mirror);
    let before = bed.repository.commit_file("a", "two\n");
    main_of(&mirror);
    bed.repository.commit_file("a", "three\n");
    bed.repository.commit_file("a", "four\n");
    let revision = main_of(&mirror);
    assert_eq!(text(&revision, "a"), "four\n");
    let moved = revision.moved.unwrap();
    assert_eq!(
        (moved.from, moved.descends),
        (id(&before), None),
        "it can't be asked, and says so"
    );
    let error = resolve(&mirror, Reference::Branch("none".into())).unwrap_err();
    assert!(
        error.to_string().contains("it has refs/heads/main"),
        "{}",
        chain(&error)
    );
}

#[test]
fn who_is_not_trusted_is_told_apart() {
    let bed = Bed::new();
    let server = SshServer::start(&SshOptions::default());
    let of = |auth| refused(&bed, remote_at(&server, &bed, auth), Limits::default());
    let error = of(server.auth_of("stranger", "host"));
    assert!(
        matches!(error, Error::Unauthenticated { given: true, .. }),
        "{}",
        chain(&error)
    );
    let error = of(server.auth_of("user", "other-host"));
    assert!(
        matches!(error, Error::HostKey { changed: true, .. }),
        "{}",
        chain(&error)
    );
    let Auth::Ssh { private_key, .. } = server.auth() else {
        panic!("an ssh key");
    };
    let elsewhere = Auth::Ssh {
        private_key,
        known_hosts:
            "git.example.org ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl\n".into(),
    };
    let error = of(elsewhere);
    assert!(
        matches!(error, Error::HostKey { changed: false, .. }),
        "{}",
        chain(&error)
    );
    assert!(!error.retryable());
}

#[test]
fn a_key_with_a_passphrase_is_told_at_once() {
    let bed = Bed::new();
    let path = bed.dir.path().join("locked");
    keygen(&path, "s3cret");
    let auth = Auth::Ssh {
        private_key: std::fs::read_to_string(path).unwrap(),
        known_hosts: "h ssh-ed25519 AAAA\n".into(),
    };
    let error = Remote::new("git@h.example:a", auth, Tls::default()).unwrap_err();
    assert!(error.to_string().contains("passphrase"), "{error}");
}

#[test]
fn a_server_that_runs_something_else() {
    let bed = Bed::new();
    let command = Some("/bin/sh -c 'echo not for you >&2; exit 1'");
    let server = SshServer::start(&SshOptions {
        command,
        ..SshOptions::default()
    });
    let error = refused(&bed, remote_at(&server, &bed, server.auth()), Limits::default());
    assert!(
        matches!(&error, Error::Refused { message, .. } if message == "not for you"),
        "{}",
        chain(&error)
    );
}

#[test]
fn a_server_that_stalls_is_left() {
    let bed = Bed::new();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ssh://git@{}/x", silent.local_addr().unwrap());
    let server = SshServer::start(&SshOptions {
        command: Some("/bin/sleep 30"),
        ..SshOptions::default()
    });
    let remotes = [
        Remote::new(&url, server.auth(), Tls::default()).unwrap(),
        remote_at(&server, &bed, server.auth()),
    ];
    for remote in remotes {
        let (error, took) = timed(|| refused(&bed, remote, short()));
        assert!(matches!(error, Error::Timeout { .. }), "{}", chain(&error));
        assert!(took < Duration::from_secs(4), "{took:?}");
    }
}

#[test]
fn limits_and_cancel_hold() {
    let bed = Bed::new();
    let noise: Vec<u8> = (0..200_000_u32)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    bed.repository.commit_file("noise", noise);
    let server = SshServer::start(&SshOptions::default());
    let limits = Limits {
        bytes: 1 << 18,
        ..Limits::default()
    };
    let error = refused(&bed, remote_at(&server, &bed, server.auth()), limits);
    assert!(matches!(error, Error::TooLarge { .. }), "{}", chain(&error));

    let stalling = SshServer::start(&SshOptions {
        command: Some("/bin/sleep 30"),
        ..SshOptions::default()
    });
    let mirror = bed.mirror_of(remote_at(&stalling, &bed, stalling.auth()), Limits::default());
    let cancel = Cancel::new();
    let (result, took) = thread::scope(|scope| {
        let waiting = scope.spawn(|| timed(|| mirror.resolve(&main(), &cancel)));
        thread::sleep(Duration::from_millis(300));
        cancel.cancel();
        waiting.join().unwrap()
    });
    assert!(matches!(result, Err(Error::Cancelled { .. })));
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn nobody_there() {
    let bed = Bed::new();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = SshServer::start(&SshOptions::default());
    let remote = Remote::new(&format!("ssh://127.0.0.1:{port}/x"), server.auth(), Tls::default()).unwrap();
    let error = refused(&bed, remote, Limits::default());
    assert!(matches!(error, Error::Unreachable { .. }), "{}", chain(&error));
    assert!(error.retryable());
}
