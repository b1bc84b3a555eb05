//! Signed commits and tags, made by the real `git`, `ssh-keygen` and `gpg`: what counts, and what stays where it was.

mod signers;

use std::fs;

use serde_json::Value;

use self::signers::{Gpg, commit_raw, key, sign_with, tag_with};
use crate::{
    cluster::bed::Running,
    git_server::{Fault, GitServer, LS_REFS, Options},
    sandbox::{Sandbox, Synced, config_map, git},
};

/// One app, in whose repository a first commit is signed by an ssh key that counts.
struct Bed {
    sandbox: Sandbox,
    plain: String,
}

impl Bed {
    /// `keys`: what the file `keys` holds.
    fn new(keys: &str) -> Self {
        let sandbox = Sandbox::new();
        let config = sandbox.config(&[("app", "  path: app\n")]);
        let plain = fs::read_to_string(config).unwrap();
        let bed = Self { sandbox, plain };
        bed.list(keys);
        bed.verify("keyFiles: [keys]");
        bed
    }

    fn list(&self, keys: &str) {
        fs::write(self.sandbox.path().join("keys"), keys).unwrap();
    }

    /// `spec.verify`, by what stands in its braces.
    fn verify(&self, verify: &str) {
        self.verify_at(verify, "branch: main");
    }

    fn verify_at(&self, verify: &str, reference: &str) {
        let text = self
            .plain
            .replace("ref: {branch: main}", &format!("ref: {{{reference}}}"));
        let text = text.replace("  interval: 1s", &format!("  interval: 1s\n  verify: {{{verify}}}"));
        fs::write(self.sandbox.path().join("windlass.yaml"), text).unwrap();
    }

    /// A file is there, but not committed.
    fn write(&self, value: &str) {
        let path = self.sandbox.repo().join("app/a.yaml");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, config_map("a", value)).unwrap();
        git(&self.sandbox.repo(), ["add", "--all"]);
    }

    /// A commit that is signed by what `settings` say to git. Answers its id.
    fn commit(&self, value: &str, settings: &[String]) -> String {
        self.write(value);
        sign_with(&self.sandbox.repo(), settings)
    }

    fn sync(&self) -> Synced {
        self.sandbox.sync(&[])
    }

    /// Applied, by these words about who signed.
    fn passes(&self, words: &[&str]) {
        let synced = self.sync();
        let signed = synced.report("app")["signedBy"].to_string();
        assert_eq!(synced.code, Some(0), "{synced:?}");
        for word in words {
            assert!(signed.contains(word), "{word}: {signed}");
        }
    }

    /// Refused with that code, told in these words, and nothing is changed.
    fn fails(&self, code: &str, words: &[&str]) {
        let files = self.sandbox.files();
        let synced = self.sync();
        assert_eq!((synced.code, synced.code_of("app")), (Some(1), code), "{synced:?}");
        let told = &synced.report("app")["diagnostics"][0];
        for word in words {
            assert!(told.to_string().contains(word), "{word}: {told}");
        }
        assert!(told["help"].is_string(), "{told}");
        assert_eq!(self.sandbox.files(), files, "what was applied stays");
    }
}

#[test]
fn every_kind_of_ssh_key_counts_by_its_line_or_alone() {
    let bed = Bed::new("");
    let kinds = [
        ("ed25519", &["-t", "ed25519"][..]),
        ("ecdsa", &["-t", "ecdsa", "-b", "384"]),
        ("rsa", &["-t", "rsa", "-b", "2048"]),
    ];
    for (name, arguments) in kinds {
        let key = key(bed.sandbox.path(), name, arguments);
        bed.commit(name, &key.settings());
        for list in [
            format!("{}\n", key.public),
            format!("# ours\nada@example.org {}\n", key.public),
            format!(
                "ada@example.org namespaces=\"git,file\",valid-after=\"20250101Z\" {}\n",
                key.public
            ),
        ] {
            bed.list(&list);
            bed.passes(&["commit signed by", &key.fingerprint]);
        }
    }
}

#[test]
fn what_ssh_did_not_sign_as_demanded_is_refused_by_name() {
    let bed = Bed::new("");
    let (ada, eve) = (
        key(bed.sandbox.path(), "ada", &["-t", "ed25519"]),
        key(bed.sandbox.path(), "eve", &["-t", "ed25519"]),
    );
    let of_ada = format!("ada@example.org {}\n", ada.public);
    bed.list(&of_ada);
    let good = bed.commit("1", &ada.settings());
    bed.passes(&[&ada.fingerprint, "ada@example.org"]);

    let unsigned = bed.commit("2", &[]);
    bed.fails("signature-missing", &[&unsigned, "is not signed"]);
    bed.commit("3", &eve.settings());
    bed.fails("signature-unknown-key", &[&eve.fingerprint, "none of the 1 keys"]);
    bed.commit("4", &ada.settings_for("file"));
    bed.fails("signature-namespace", &[&ada.fingerprint, "`file`"]);

    // Signed, and changed afterwards.
    let signed = git(&bed.sandbox.repo(), ["cat-file", "commit", &good]);
    commit_raw(&bed.sandbox.repo(), &signed.replace("author Ada", "author Eve"));
    bed.fails("signature-invalid", &[&ada.fingerprint, "not of this content"]);
    // A second signature beside the good one.
    let twice = signed.replacen("gpgsig ", "gpgsig-sha256 x\ngpgsig ", 1);
    commit_raw(&bed.sandbox.repo(), &twice);
    bed.fails("signature-malformed", &["more than one"]);
    commit_raw(&bed.sandbox.repo(), &signed.replace("SSH SIGNATURE", "SIGNED MESSAGE"));
    bed.fails("signature-malformed", &["neither of ssh nor of OpenPGP"]);
    let cut: String = signed
        .lines()
        .enumerate()
        .filter(|(at, _)| *at != 6)
        .map(|(_, line)| format!("{line}\n"))
        .collect();
    commit_raw(&bed.sandbox.repo(), &cut);
    bed.fails("signature-malformed", &["can't be read"]);

    // The commits of tests are of the first of January 2026.
    bed.commit("5", &ada.settings());
    for (times, words) in [
        ("valid-after=\"20260102\"", "counts only from 2026-01-02T00:00:00Z"),
        (
            "valid-before=\"20251231235959Z\"",
            "counted only until 2025-12-31T23:59:59Z",
        ),
    ] {
        bed.list(&format!("ada {times} {}\n", ada.public));
        bed.fails("signature-expired", &[&ada.fingerprint, words]);
    }
    bed.list(&format!("ada namespaces=\"file\" {}\n", ada.public));
    bed.fails("signature-weak", &[&ada.fingerprint, "for `file` only"]);
    bed.list(&format!("{}\n", eve.public));
    bed.fails("signature-unknown-key", &[&ada.fingerprint]);

    // Lists that are of no use: nothing passes.
    for (list, words) in [
        ("", "it holds no key"),
        ("ada\n", "line 1"),
        ("ada ssh-dss AAAA\n", "no usable public key"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\n", "private key"),
        (
            "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----\n",
            "OpenPGP",
        ),
    ] {
        bed.list(list);
        bed.fails("signature-keys", &[words]);
    }
    bed.list(&" ".repeat((1 << 20) + 1));
    bed.fails("signature-keys", &["more than 1048576 bytes"]);
    bed.verify("keyFiles: [nowhere]");
    bed.fails("signature-keys", &["nowhere", "can't be read"]);
    bed.list(&of_ada);
    bed.verify("keyFiles: [keys]");
    bed.passes(&[&ada.fingerprint]);
}

#[test]
fn openpgp_keys_count_while_they_are_valid() {
    let bed = Bed::new("");
    let gpg = Gpg::new();
    let ada = gpg.generate("Ada <ada@example.org>", "ed25519", "20240101T000000", "never");
    bed.list(&gpg.export(&ada));
    bed.commit("1", &gpg.settings(&ada, "20250601T000000"));
    bed.passes(&["commit signed by", &ada[24..], "Ada <ada@example.org>"]);

    // A subkey signs from here on, and is the one that is named.
    let subkey = gpg.add_subkey(&ada, "20250101T000000");
    bed.commit("2", &gpg.settings(&ada, "20250602T000000"));
    bed.fails("signature-unknown-key", &[&subkey]);
    bed.list(&gpg.export(&ada));
    bed.passes(&[&subkey, "Ada <ada@example.org>"]);

    // Before it was made, and after it expired, by the owner's newest word.
    bed.commit("3", &gpg.settings(&ada, "20250603T000000"));
    gpg.expire(&ada, "20250102T000000", "2025-02-01");
    bed.list(&gpg.export(&ada));
    bed.fails(
        "signature-expired",
        &[&subkey, "at 2025-06-03", "expired at 2025-02-01"],
    );
    bed.commit("4", &gpg.settings(&ada, "20250120T000000"));
    bed.passes(&[&subkey]);

    gpg.revoke(&ada);
    bed.list(&gpg.export(&ada));
    bed.fails("signature-revoked", &[&subkey, "has revoked"]);
}

#[test]
fn openpgp_signatures_that_could_be_forged_do_not_count() {
    let bed = Bed::new("");
    let gpg = Gpg::new();
    let ada = gpg.generate("Ada", "rsa2048", "20240101T000000", "never");
    let weak = gpg.generate("Weak", "rsa1024", "20240101T000000", "never");
    let eve = gpg.generate("Eve", "ed25519", "20240101T000000", "never");
    bed.list(&format!("{}{}", gpg.export(&ada), gpg.export(&weak)));
    let good = bed.commit("1", &gpg.settings(&ada, "20250601T000000"));
    bed.passes(&[&ada[24..], "Ada"]);
    bed.commit("2", &gpg.settings_with(&ada, "20250601T000000", "--digest-algo SHA1"));
    bed.fails("signature-weak", &[&ada[24..], "SHA1"]);
    bed.commit("3", &gpg.settings(&weak, "20250601T000000"));
    bed.fails("signature-weak", &[&weak[24..], "RSA of 1024 bits"]);
    bed.commit("4", &gpg.settings(&eve, "20250601T000000"));
    bed.fails("signature-unknown-key", &[&eve[24..]]);
    bed.commit("5", &gpg.settings_with(&ada, "20250601T000000", "--textmode"));
    bed.fails("signature-malformed", &["binary"]);
    let signed = git(&bed.sandbox.repo(), ["cat-file", "commit", &good]);
    commit_raw(&bed.sandbox.repo(), &signed.replace("author Ada", "author Eve"));
    bed.fails("signature-invalid", &[&ada[24..]]);
}

#[test]
fn tags_are_verified_by_their_name_and_with_their_commit() {
    let bed = Bed::new("");
    let ada = key(bed.sandbox.path(), "ada", &["-t", "ed25519"]);
    bed.list(&ada.public);
    let repo = bed.sandbox.repo();
    bed.commit("1", &[]);
    tag_with(&repo, "v1.0.0", &ada.settings());
    // Over HTTP too, where the server tells what is behind a tag.
    let server = GitServer::start(bed.sandbox.path(), Options::default());
    let over_file = fs::read_to_string(bed.sandbox.path().join("windlass.yaml")).unwrap();
    let url = format!("file://{}", repo.display());
    assert!(over_file.contains(&url));
    let over_http = || {
        let path = bed.sandbox.path().join("windlass.yaml");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, text.replace(&url, &server.url("repo"))).unwrap();
    };
    for reference in ["tag: v1.0.0", "semver: '1'"] {
        bed.verify_at("keyFiles: [keys], mode: Tag", reference);
        bed.passes(&["tag signed by", &ada.fingerprint]);
        over_http();
        bed.passes(&["tag signed by", &ada.fingerprint]);
    }
    bed.verify_at("keyFiles: [keys], mode: TagAndHEAD", "tag: v1.0.0");
    bed.fails("signature-missing", &["commit", "is not signed"]);
    bed.commit("2", &ada.settings());
    tag_with(&repo, "v1.1.0", &ada.settings());
    bed.verify_at("keyFiles: [keys], mode: TagAndHEAD", "semver: '1'");
    bed.passes(&["tag signed by", "commit signed by"]);

    // The commit is here by another tag already; the tag's own object is fetched for its signature.
    git(&repo, ["tag", "v1.2.0"]);
    bed.verify_at("keyFiles: [keys], mode: Tag", "semver: '1'");
    bed.fails("signature-missing", &["v1.2.0", "no annotated tag"]);
    tag_with(&repo, "v1.3.0", &ada.settings());
    bed.passes(&["tag signed by"]);
    git(&repo, ["tag", "-a", "v1.4.0", "-m", "unsigned"]);
    bed.fails("signature-missing", &["tag object"]);
    // An old signed tag under a newer name.
    let old = git(&repo, ["rev-parse", "v1.0.0"]);
    git(&repo, ["update-ref", "refs/tags/v1.9.0", &old]);
    bed.fails("signature-tag-name", &["v1.0.0"]);
}

#[test]
fn a_server_that_lies_about_a_signed_tag_is_found_out() {
    let bed = Bed::new("");
    let ada = key(bed.sandbox.path(), "ada", &["-t", "ed25519"]);
    bed.list(&ada.public);
    let repo = bed.sandbox.repo();
    let good = bed.commit("1", &[]);
    tag_with(&repo, "v1.0.0", &ada.settings());
    let evil = bed.commit("2", &[]);
    let server = GitServer::start(bed.sandbox.path(), Options::default());
    let path = bed.sandbox.path().join("windlass.yaml");
    let over_http = || {
        let text = fs::read_to_string(&path).unwrap();
        let url = format!("file://{}", repo.display());
        fs::write(&path, text.replace(&url, &server.url("repo"))).unwrap();
    };
    // Both commits are in the mirror.
    for reference in ["branch: main", "tag: v1.0.0"] {
        let text = bed.plain.replace("branch: main", reference);
        fs::write(&path, text).unwrap();
        over_http();
        assert_eq!(bed.sync().code, Some(0));
    }
    bed.verify_at("keyFiles: [keys], mode: Tag", "tag: v1.0.0");
    over_http();
    bed.passes(&["tag signed by"]);
    server.set_faults(vec![(LS_REFS, Fault::Replace(good.clone(), evil))]);
    bed.fails("signature-tag-target", &[&good]);
}

#[test]
fn a_running_engine_stays_at_what_was_verified_last() {
    let bed = Bed::new("");
    let ada = key(bed.sandbox.path(), "ada", &["-t", "ed25519"]);
    bed.list(&ada.public);
    let good = bed.commit("1", &ada.settings());
    let target = format!("dir:{}", bed.sandbox.out().display());
    let running = Running::start(
        bed.sandbox
            .command(&["run", "windlass.yaml", "--target", &target, "-o", "json"]),
    );
    let is_at = |head: &str| {
        let head = head.to_owned();
        move |report: &Value| report["revision"] == head.as_str() && report["health"] == "healthy"
    };
    running.report("the signed commit is applied", is_at(&good));
    let files = bed.sandbox.files();
    // Nobody signed this one. Drift is undone all the same, to what was verified.
    bed.commit("2", &[]);
    let file = bed.sandbox.out().join(files.keys().next().unwrap());
    fs::remove_file(&file).unwrap();
    let report = running.report("it is repaired", |report| report["changes"]["created"] == 1);
    assert_eq!(report["revision"], good.as_str());
    assert_eq!(bed.sandbox.files(), files);
    let next = bed.commit("3", &ada.settings());
    running.report("the next signed one is applied", is_at(&next));
    assert_ne!(bed.sandbox.files(), files);
}

#[test]
fn who_signed_is_kept_in_the_history() {
    let bed = Bed::new("");
    let ada = key(bed.sandbox.path(), "ada", &["-t", "ed25519"]);
    bed.list(&format!("ada@example.org {}", ada.public));
    bed.commit("1", &ada.settings());
    bed.passes(&[&ada.fingerprint]);
    let output = bed.sandbox.windlass(&["why", "ConfigMap", "a", "-o", "json"]);
    let why: Value = serde_json::from_slice(&output.stdout).unwrap();
    let told = why["origin"]["signedBy"][0].as_str().unwrap();
    assert_eq!(told, format!("commit signed by {} (ada@example.org)", ada.fingerprint));
}
