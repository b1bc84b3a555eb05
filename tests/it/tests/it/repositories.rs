//! Repositories as a configuration describes them: keys, certificates, proxies, ranges of versions, pushes with force.

use std::{fs, path::PathBuf};

use crate::{
    git_server::{
        Authority, GitServer, Options,
        proxy::{Manner, Proxy},
        ssh::{SshOptions, SshServer},
    },
    sandbox::{Sandbox, Synced, config_map, git},
};

/// One app over one repository, whose `spec` a test writes.
struct Bed {
    sandbox: Sandbox,
    config: PathBuf,
    plain: String,
}

impl Bed {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        sandbox.commit(&[("app/a.yaml", Some(&config_map("a", "1")))]);
        let config = sandbox.config(&[("app", "  path: app\n")]);
        let plain = fs::read_to_string(&config).unwrap();
        Self { sandbox, config, plain }
    }

    /// Writes the configuration: `git` in its braces, `more` lines of `spec`.
    fn configure(&self, git: &str, more: &str) {
        let plain = format!(
            "git: {{url: 'file://{}', ref: {{branch: main}}}}",
            self.sandbox.repo().display()
        );
        let text = self.plain.replace(&plain, &format!("git: {{{git}}}"));
        fs::write(
            &self.config,
            text.replace("  interval: 1s", &format!("  interval: 1s\n{more}")),
        )
        .unwrap();
    }

    fn sync(&self, git: &str, more: &str) -> Synced {
        self.configure(git, more);
        self.sandbox.sync(&[])
    }

    fn file(&self, name: &str, text: &str) {
        fs::write(self.sandbox.path().join(name), text).unwrap();
    }

    fn change(&self, value: &str) -> String {
        self.sandbox.commit(&[("app/a.yaml", Some(&config_map("a", value)))])
    }
}

fn told(synced: &Synced) -> String {
    synced.report("app")["diagnostics"].to_string()
}

#[test]
fn ssh_with_a_key_and_known_hosts() {
    let bed = Bed::new();
    let server = SshServer::start(&SshOptions::default());
    let url = server.url(&bed.sandbox.repo());
    let host = fs::read_to_string(server.file("host.pub")).unwrap();
    let address = url
        .split(['@', '/'])
        .nth(3)
        .unwrap()
        .replace("127.0.0.1", "[127.0.0.1]");
    bed.file("hosts", &format!("{address} {host}"));
    let auth = |key: &str| {
        let key = server.file(key);
        format!("  auth: {{sshKeyFile: '{}', knownHostsFile: hosts}}", key.display())
    };
    let good = bed.sync(&format!("url: '{url}', ref: {{branch: main}}"), &auth("user"));
    assert_eq!((good.code, good.counts("app")), (Some(0), [1, 0, 0, 0, 0]), "{good:?}");
    let stranger = bed.sync(&format!("url: '{url}'"), &auth("stranger"));
    assert!(
        told(&stranger).contains("does not accept the credentials given"),
        "{stranger:?}"
    );
    let keyless = bed.sync(&format!("url: '{url}'"), "");
    assert!(
        told(&keyless).contains("`auth.sshKeyFile` and `auth.knownHostsFile`"),
        "{keyless:?}"
    );
}

#[test]
fn a_client_certificate_through_a_proxy() {
    let bed = Bed::new();
    let options = Options {
        authority: Some(Authority::wanting_certificates()),
        ..Options::default()
    };
    let server = GitServer::start(bed.sandbox.path(), options);
    let proxy = Proxy::start(Manner::Wants("Basic Ym90OnRvbHN0b3k="));
    let client = server.authority().unwrap().client();
    bed.file("ca.pem", &server.ca_pem().unwrap());
    bed.file("client.pem", &client.certificate_pem);
    bed.file("client.key", &client.key_pem);
    bed.file("proxy-password", "tolstoy\n");
    let git = format!("url: '{}', caFile: ca.pem", server.url("repo"));
    let auth = "  auth: {clientCertificateFile: client.pem, clientKeyFile: client.key}\n";
    let through = |name: &str| format!("{auth}  proxy: {{url: 'http://{}'{name}}}", proxy.address);
    let refused = bed.sync(&git, &through(""));
    assert!(told(&refused).contains("asks for credentials"), "{refused:?}");
    let good = bed.sync(&git, &through(", username: bot, passwordFile: proxy-password"));
    assert_eq!((good.code, good.counts("app")), (Some(0), [1, 0, 0, 0, 0]), "{good:?}");
    let uncertified = bed.sync(&git, "");
    assert!(
        told(&uncertified).contains("asks for a client certificate"),
        "{uncertified:?}"
    );
}

#[test]
fn the_proxy_of_the_environment() {
    let bed = Bed::new();
    let proxy = Proxy::start(Manner::Refuses);
    bed.configure("url: 'https://git.example.invalid/repo'", "");
    let mut command = bed.sandbox.sync_command(&[]);
    command.env("HTTPS_PROXY", format!("http://{}", proxy.address));
    let refused = String::from_utf8_lossy(&command.output().unwrap().stdout).into_owned();
    assert!(refused.contains("refuses to connect there"), "{refused}");
    assert_eq!(proxy.take_log(), ["git.example.invalid:443"]);
    // Nobody listens at port 1: the repository's own proxy comes before the environment's.
    bed.configure(
        "url: 'https://git.example.invalid/repo'",
        "  proxy: {url: 'http://127.0.0.1:1'}",
    );
    let own = String::from_utf8_lossy(&command.output().unwrap().stdout).into_owned();
    assert!(own.contains("can't be reached") && proxy.take_log().is_empty(), "{own}");
}

#[test]
fn a_range_of_versions_and_a_tag_that_moves() {
    let bed = Bed::new();
    let path = format!("url: 'file://{}'", bed.sandbox.repo().display());
    let sync = || bed.sync(&format!("{path}, ref: {{semver: '>=1.2 <2'}}"), "");
    let none = sync();
    assert!(told(&none).contains("no tag with a version in `>=1.2, <2`"), "{none:?}");
    git(&bed.sandbox.repo(), ["tag", "v1.2.0"]);
    assert_eq!(sync().code, Some(0));
    let newer = bed.change("2");
    git(&bed.sandbox.repo(), ["tag", "v1.3.0"]);
    let synced = sync();
    assert_eq!(
        (synced.report("app")["revision"].as_str(), told(&synced).as_str()),
        (Some(newer.as_str()), "[]")
    );
    let moved = bed.change("3");
    git(&bed.sandbox.repo(), ["tag", "--force", "v1.3.0"]);
    let synced = sync();
    assert_eq!(
        (synced.code, synced.code_of("app")),
        (Some(0), "tag-moved"),
        "{synced:?}"
    );
    assert!(
        told(&synced).contains(&newer) && told(&synced).contains(&moved),
        "{synced:?}"
    );
}

#[test]
fn a_forced_push_is_told_or_held() {
    let bed = Bed::new();
    let path = format!("url: 'file://{}', ref: {{branch: main}}", bed.sandbox.repo().display());
    let [follow, hold] = ["Follow", "Hold"].map(|mode| format!("{path}, onForcedPush: {mode}"));
    let push = |value: &str| {
        let before = git(&bed.sandbox.repo(), ["rev-parse", "HEAD"]);
        git(&bed.sandbox.repo(), ["reset", "--quiet", "--hard", "HEAD~1"]);
        (before, bed.change(value))
    };
    bed.change("2");
    assert_eq!(bed.sync(&follow, "").code, Some(0));
    let (before, after) = push("3");
    let synced = bed.sync(&follow, "");
    assert_eq!(
        (synced.code, synced.code_of("app")),
        (Some(0), "forced-push"),
        "{synced:?}"
    );
    assert!(
        told(&synced).contains(&before) && told(&synced).contains(&after),
        "{synced:?}"
    );
    assert_eq!(told(&bed.sync(&follow, "")), "[]", "told once");
    let files = bed.sandbox.files();
    push("4");
    let held = bed.sync(&hold, "");
    assert_eq!((held.code, held.code_of("app")), (Some(1), "forced-push"), "{held:?}");
    assert_eq!(bed.sandbox.files(), files, "what was applied stays");
    assert_eq!(bed.sync(&follow, "").counts("app"), [0, 1, 0, 0, 0]);
}
