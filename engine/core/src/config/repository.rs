//! `Repository`: where revisions come from, as whom and by which way.

use std::{collections::BTreeSet, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Home, Mistake, NotifySpec, PluginChoice, SecretRef, duration, notify,
    schema::{Interval, Size},
    secret::{Bound, only_in_clusters, only_in_files},
};
use crate::version::Range;

/// `Repository.spec`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RepositorySpec {
    /// Where and which revision.
    pub git: GitSpec,
    /// How to log in.
    #[serde(default)]
    pub auth: Option<AuthSpec>,
    /// The way to the server, for https and http. Without it, what the environment says (`HTTPS_PROXY`, `NO_PROXY`).
    #[serde(default)]
    pub proxy: Option<ProxySpec>,
    /// Time between polls: `30s`, `5m`, `1h`.
    #[serde(default = "default_interval", with = "duration")]
    #[schemars(with = "Interval")]
    pub interval: Duration,
    /// Most bytes of its mirror on disk: `500Mi`, `4Gi`.
    #[serde(default, with = "size")]
    #[schemars(with = "Option<Size>")]
    pub max_size: Option<u64>,
    /// Whose signatures a revision must have before anything is rendered of it. Absent = nobody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<VerifySpec>,
    /// Plugins that serve all Apps of the repository.
    #[serde(default)]
    pub plugins: ServingSpec,
}

/// `Repository.spec.verify`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VerifySpec {
    /// What has to be signed: the commit, the annotated tag that `git.ref` names, or both.
    #[serde(default)]
    pub mode: VerifyMode,
    /// Files with the public keys that count, each any number of: lines of ssh (`allowed_signers`, or public keys), or OpenPGP keys in ASCII
    /// armor. Relative to the configuration file.
    #[serde(default)]
    pub key_files: Vec<String>,
    /// Of an object in a cluster, instead of files: a Secret of its namespace, each key of which is such a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
}

/// What has to be signed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum VerifyMode {
    /// The commit.
    #[default]
    #[serde(rename = "HEAD")]
    Head,
    /// The annotated tag.
    Tag,
    /// Both.
    #[serde(rename = "TagAndHEAD")]
    TagAndHead,
}

/// `Repository.spec.plugins`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServingSpec {
    /// Renderers that serve the Apps, and in which version: no other is recognised by a folder's files, and none may be named by an
    /// App. A version that an App names itself counts for that App. Absent = all that are admitted, in their highest version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renderers: Option<Vec<PluginChoice>>,
    /// Who checks what was rendered: exactly these, in this order; `[]` = none. Absent = the one named `schema`, where it is
    /// installed.
    #[serde(default)]
    pub validators: Option<Vec<ValidatorSpec>>,
    /// Who is told of what becomes of the Apps.
    #[serde(default)]
    pub notify: Vec<NotifySpec>,
}

impl ServingSpec {
    /// The plugin for a render step that asks for `asked`; `None`: the Repository is not served by it.
    #[must_use]
    pub fn renderer(&self, asked: &PluginChoice) -> Option<PluginChoice> {
        let Some(renderers) = &self.renderers else {
            return Some(asked.clone());
        };
        let served = renderers.iter().find(|served| served.name == asked.name)?;
        Some(PluginChoice {
            name: asked.name.clone(),
            version: asked.version.clone().or_else(|| served.version.clone()),
        })
    }
}

/// The validator that checks where nothing is said: what the API server would refuse is better told before.
pub const DEFAULT_VALIDATOR: &str = "schema";

/// `Repository.spec.plugins.validators[]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ValidatorSpec {
    /// Name of the plugin.
    pub name: String,
    /// A whole version or its beginning: `4.3` admits `4.3.1`.
    #[serde(default)]
    pub version: Option<String>,
    /// Config of the plugin, as its own schema wants it (`windlass plugin inspect`).
    #[serde(default)]
    pub config: Map<String, Value>,
}

impl ValidatorSpec {
    /// The plugin it asks for.
    #[must_use]
    pub fn choice(&self) -> PluginChoice {
        PluginChoice {
            name: self.name.clone(),
            version: self.version.clone(),
        }
    }
}

impl From<PluginChoice> for ValidatorSpec {
    /// With its default config.
    fn from(PluginChoice { name, version }: PluginChoice) -> Self {
        Self {
            name,
            version,
            config: Map::new(),
        }
    }
}

/// `Repository.spec.git`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GitSpec {
    /// `https://…`, `ssh://USER@HOST/…`, `USER@HOST:…`, `file:///…` or a path relative to the configuration file. In a
    /// cluster one of the first three.
    pub url: String,
    /// Which revision. Absent = the remote's HEAD.
    #[serde(default, rename = "ref")]
    pub reference: RefSpec,
    /// What to do when a branch moves to a commit that does not descend from the one before.
    #[serde(default)]
    pub on_forced_push: ForcedPushMode,
    /// File with the CA certificates (PEM) to trust instead of the system's; relative to the configuration file.
    #[serde(default)]
    pub ca_file: Option<String>,
}

/// What to do when a branch moves to a commit that does not descend from the one before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ForcedPushMode {
    /// Go along, with a warning.
    #[default]
    Follow,
    /// Stay at what was before, until it says `Follow` again.
    Hold,
}

/// `Repository.spec.git.ref`: at most one of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RefSpec {
    /// A branch by its short name.
    #[serde(default)]
    pub branch: Option<String>,
    /// A tag by its short name.
    #[serde(default)]
    pub tag: Option<String>,
    /// The newest tag with a version in this range: `>=1.2 <2`, `~1.4` (1.4 and its patches), `1.*`. A pre-release counts where the
    /// range names one of the same version.
    #[serde(default)]
    pub semver: Option<String>,
    /// A full commit id.
    #[serde(default)]
    pub commit: Option<String>,
}

/// `Repository.spec.auth`: files, so that no secret stands in the configuration. Relative to the configuration file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuthSpec {
    /// With `passwordFile`: HTTP basic.
    #[serde(default)]
    pub username: Option<String>,
    /// File with the password or access token; a trailing line feed is dropped.
    #[serde(default)]
    pub password_file: Option<String>,
    /// File with a bearer token; a trailing line feed is dropped.
    #[serde(default)]
    pub token_file: Option<String>,
    /// File with a private key for ssh, without a passphrase; with `knownHostsFile`.
    #[serde(default)]
    pub ssh_key_file: Option<String>,
    /// File with the keys of ssh servers, as `~/.ssh/known_hosts`. No other host is talked to.
    #[serde(default)]
    pub known_hosts_file: Option<String>,
    /// File with a client certificate (PEM) for TLS, alone or beside one of the others; with `clientKeyFile`.
    #[serde(default)]
    pub client_certificate_file: Option<String>,
    /// File with the client certificate's key (PEM), without a passphrase.
    #[serde(default)]
    pub client_key_file: Option<String>,
    /// Of an object in a cluster, instead of files: a Secret of its namespace. What it has is used: `username` with `password`,
    /// `token`, `ssh-privatekey` with `known_hosts`, `tls.crt` with `tls.key`, `ca.crt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
}

/// `Repository.spec.proxy`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProxySpec {
    /// `http://HOST:PORT` or `https://HOST:PORT`.
    pub url: String,
    /// With `passwordFile`: basic.
    #[serde(default)]
    pub username: Option<String>,
    /// File with the password; a trailing line feed is dropped.
    #[serde(default)]
    pub password_file: Option<String>,
    /// Of an object in a cluster, instead of both: a Secret of its namespace with `username` and `password`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
    /// Names (with everything below them), addresses and networks that are reached directly.
    #[serde(default)]
    pub no_proxy: Vec<String>,
}

/// The design's default: pushes are told by webhook, polls are the fallback.
const fn default_interval() -> Duration {
    Duration::from_secs(300)
}

/// Of a reference, for people.
pub(crate) const ONE_REF: &str = "give one of `branch`, `tag`, `semver` and `commit`";

/// Of forced pushes, for people.
pub(crate) const HOLD_A_BRANCH: &str = "`Hold` is about branches; a tag that moves is told as a warning";

/// Of credentials in a cluster, for people.
pub(crate) const NAME_A_SECRET: &str =
    "put the credentials into a Secret of the same namespace and name that (`secretRef`), alone";

/// Of the keys of signatures in a cluster, for people.
pub(crate) const NAME_A_SECRET_OF_KEYS: &str =
    "put the public keys into a Secret of the same namespace and name that (`secretRef`)";

/// Of the keys of signatures in a file, for people.
const NAME_KEY_FILES: &str = "name the files with the public keys that count (`keyFiles`)";

/// Of tags that are to be signed, for people.
pub(crate) const VERIFY_A_TAG: &str =
    "`Tag` and `TagAndHEAD` are about annotated tags: give `git.ref.tag` or `git.ref.semver`";

/// Files of keys of one Repository: one for each team that may sign is few. Each is read in every poll.
pub(crate) const MAX_KEY_FILES: usize = 32;

/// Of a URL in a cluster, for people.
pub(crate) const REMOTE: &str = "write `https://…`, `ssh://USER@HOST/…` or `USER@HOST:…`";

/// Finds what can be found without looking further.
pub(super) fn check(spec: &RepositorySpec, home: Home) -> Result<(), Mistake> {
    check_home(spec, home)?;
    check_reference(&spec.git)?;
    spec.auth.as_ref().map_or(Ok(()), |auth| check_auth(auth, home))?;
    check_verify(spec, home)?;
    let renderers = spec.plugins.renderers.iter().flatten().map(|choice| &choice.name);
    once_each(renderers, "spec.plugins.renderers")?;
    distinct(
        spec.plugins.validators.as_deref().unwrap_or_default(),
        "spec.plugins.validators",
    )?;
    notify::check(&spec.plugins.notify, "spec.plugins.notify", Some(home))?;
    match &spec.proxy {
        Some(proxy) if proxy.secret_ref.is_some() && proxy.username.is_some() => {
            Err(("/spec/proxy".to_owned(), format!("spec.proxy: {NAME_A_SECRET}")))
        }
        Some(proxy) if home == Home::Cluster && proxy.username.is_some() => {
            Err(("/spec/proxy".to_owned(), format!("spec.proxy: {NAME_A_SECRET}")))
        }
        Some(proxy) if proxy.username.is_some() != proxy.password_file.is_some() => {
            let message = "spec.proxy: give `username` and `passwordFile`, or none of them";
            Err(("/spec/proxy".to_owned(), message.to_owned()))
        }
        _ => Ok(()),
    }
}

/// Files where there are files, Secrets where there are Secrets.
fn check_home(spec: &RepositorySpec, home: Home) -> Result<(), Mistake> {
    let auth = spec.auth.clone().unwrap_or_default();
    let file = |pointer, field: &Option<String>, instead| Bound {
        pointer,
        given: field.is_some(),
        instead,
    };
    let secret = |pointer, field: &Option<SecretRef>, instead| Bound {
        pointer,
        given: field.is_some(),
        instead,
    };
    let instead = NAME_A_SECRET;
    let (proxy_file, proxy_secret) = spec
        .proxy
        .as_ref()
        .map_or((&None, &None), |proxy| (&proxy.password_file, &proxy.secret_ref));
    only_in_files(
        home,
        &[
            file("/spec/auth/passwordFile", &auth.password_file, instead),
            file("/spec/auth/tokenFile", &auth.token_file, instead),
            file("/spec/auth/sshKeyFile", &auth.ssh_key_file, instead),
            file("/spec/auth/knownHostsFile", &auth.known_hosts_file, instead),
            file(
                "/spec/auth/clientCertificateFile",
                &auth.client_certificate_file,
                instead,
            ),
            file("/spec/auth/clientKeyFile", &auth.client_key_file, instead),
            file("/spec/git/caFile", &spec.git.ca_file, instead),
            Bound {
                pointer: "/spec/verify/keyFiles",
                given: spec.verify.as_ref().is_some_and(|verify| !verify.key_files.is_empty()),
                instead: NAME_A_SECRET_OF_KEYS,
            },
            file("/spec/proxy/passwordFile", proxy_file, instead),
            Bound {
                pointer: "/spec/git/url",
                given: !is_remote(&spec.git.url),
                instead: REMOTE,
            },
        ],
    )?;
    only_in_clusters(
        home,
        &[
            secret("/spec/auth/secretRef", &auth.secret_ref, "name files"),
            secret("/spec/proxy/secretRef", proxy_secret, "write `passwordFile`"),
            Bound {
                pointer: "/spec/verify/secretRef",
                given: spec.verify.as_ref().is_some_and(|verify| verify.secret_ref.is_some()),
                instead: NAME_KEY_FILES,
            },
        ],
    )
}

/// Whether a URL is of another machine: `https://`, `http://`, `ssh://`, or what ssh takes, `USER@HOST:…`.
fn is_remote(url: &str) -> bool {
    let has_scheme = ["https://", "http://", "ssh://"]
        .iter()
        .any(|scheme| url.starts_with(scheme));
    let host = url.split_once(':').map(|(host, _)| host);
    has_scheme || !url.contains("://") && host.is_some_and(|host| host.contains('@') && !host.contains('/'))
}

fn check_reference(git: &GitSpec) -> Result<(), Mistake> {
    let reference = &git.reference;
    let given = [&reference.branch, &reference.tag, &reference.semver, &reference.commit];
    if given.iter().filter(|r| r.is_some()).count() > 1 {
        return Err(("/spec/git/ref".to_owned(), format!("spec.git.ref: {ONE_REF}")));
    }
    if let Some(Err(error)) = reference.semver.as_ref().map(|range| Range::new(range)) {
        return Err((
            "/spec/git/ref/semver".to_owned(),
            format!("spec.git.ref.semver: {error}"),
        ));
    }
    let is_branch = given[1..].iter().all(|r| r.is_none());
    if git.on_forced_push == ForcedPushMode::Hold && !is_branch {
        let message = format!("spec.git.onForcedPush: {HOLD_A_BRANCH}");
        return Err(("/spec/git/onForcedPush".to_owned(), message));
    }
    Ok(())
}

fn check_verify(spec: &RepositorySpec, home: Home) -> Result<(), Mistake> {
    let Some(verify) = &spec.verify else { return Ok(()) };
    let wrong = |pointer: &str, words: &str| {
        let field = pointer.trim_start_matches('/').replace('/', ".");
        Err((pointer.to_owned(), format!("{field}: {words}")))
    };
    // Where they may not be was checked already.
    match home {
        Home::File if verify.key_files.is_empty() => return wrong("/spec/verify", NAME_KEY_FILES),
        Home::Cluster if verify.secret_ref.is_none() => return wrong("/spec/verify", NAME_A_SECRET_OF_KEYS),
        _ => {}
    }
    if verify.key_files.len() > MAX_KEY_FILES {
        return wrong("/spec/verify/keyFiles", &format!("has more than {MAX_KEY_FILES} files"));
    }
    let reference = &spec.git.reference;
    if verify.mode != VerifyMode::Head && reference.tag.is_none() && reference.semver.is_none() {
        return wrong("/spec/verify/mode", VERIFY_A_TAG);
    }
    Ok(())
}

/// Of a validator, for people.
pub(crate) const TWICE: &str = "stands there twice";

/// Refuses a validator that is named twice. `field`: where they stand.
pub(super) fn distinct(validators: &[ValidatorSpec], field: &str) -> Result<(), Mistake> {
    once_each(validators.iter().map(|validator| &validator.name), field)
}

fn once_each<'n>(names: impl Iterator<Item = &'n String>, field: &str) -> Result<(), Mistake> {
    let mut seen = BTreeSet::new();
    for (position, name) in names.enumerate() {
        if !seen.insert(name) {
            let pointer = format!("/{}/{position}/name", field.replace('.', "/"));
            return Err((pointer, format!("{field}: `{name}` {TWICE}")));
        }
    }
    Ok(())
}

fn check_auth(auth: &AuthSpec, home: Home) -> Result<(), Mistake> {
    if home == Home::Cluster {
        // Files are refused already.
        return match (&auth.secret_ref, &auth.username) {
            (Some(_), None) => Ok(()),
            _ => Err(("/spec/auth".to_owned(), format!("spec.auth: {NAME_A_SECRET}"))),
        };
    }
    let pairs = [
        (&auth.username, &auth.password_file, "`username` and `passwordFile`"),
        (
            &auth.ssh_key_file,
            &auth.known_hosts_file,
            "`sshKeyFile` and `knownHostsFile`",
        ),
        (
            &auth.client_certificate_file,
            &auth.client_key_file,
            "`clientCertificateFile` and `clientKeyFile`",
        ),
    ];
    let half = pairs.iter().find(|(one, other, _)| one.is_some() != other.is_some());
    if let Some((.., names)) = half {
        return Err(("/spec/auth".to_owned(), format!("spec.auth: give {names} together")));
    }
    let [basic, ssh, certificate] = pairs.map(|(one, ..)| one.is_some());
    let ways = [basic, ssh, auth.token_file.is_some()]
        .iter()
        .filter(|way| **way)
        .count();
    if ways > 1 || ways == 0 && !certificate || ssh && certificate {
        let message = "spec.auth: give one of `username` with `passwordFile`, `tokenFile`, and `sshKeyFile` with `knownHostsFile`; \
                       a client certificate may stand alone, or beside the first two";
        return Err(("/spec/auth".to_owned(), message.to_owned()));
    }
    Ok(())
}

/// What a size is made of, for people.
pub(crate) const SIZE_WORDS: &str = "write a whole number and a unit, such as `500Mi` or `4Gi`";

/// Digits of a size's number: a billion of the largest unit is more than any disk has.
const SIZE_DIGITS: usize = 9;

/// Binary units of sizes, as Kubernetes writes them, with their powers of two.
const UNITS: [(&str, u32); 3] = [("Ki", 10), ("Mi", 20), ("Gi", 30)];

/// Reads a size: a whole number above 0 and a unit, such as `500Mi` or `4Gi`.
///
/// # Errors
/// A sentence, when it is none.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let bytes = UNITS.iter().find_map(|(unit, shift)| {
        let number = text.strip_suffix(unit)?;
        if number.len() > SIZE_DIGITS || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let number: u64 = number.parse().ok()?;
        number.checked_mul(1 << shift).filter(|bytes| *bytes > 0)
    });
    bytes.ok_or_else(|| format!("`{text}` is no size: {SIZE_WORDS}"))
}

mod size {
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(value: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(bytes) => serializer.collect_str(&format_args!("{}Ki", bytes >> 10)),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        super::parse_size(&text).map(Some).map_err(D::Error::custom)
    }
}
