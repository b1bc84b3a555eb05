//! Kubeconfigs out of Secrets. Whoever may write the Secret would otherwise run programs in the engine (`exec`), read its
//! files and send them away (`tokenFile`, paths of certificates), or lead its traffic through a proxy.
//!
//! What may be said is listed, and all else is refused: a field that a later kube crate understands is no hole.

use kube::config::Kubeconfig;
use serde_json::{Map, Value};
use windlass_core::yaml;

/// Largest kubeconfig that is read; a Secret holds no more.
pub const MAX_KUBECONFIG: usize = 1 << 20;

/// Why a kubeconfig out of a Secret is refused. Carries no value of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Hostile {
    /// A field that only an operator's own file may have.
    #[error("the kubeconfig has `{field}`, which is refused in one that comes from a Secret: {why}")]
    Field {
        /// Where: `users[0].user.exec`.
        field: String,
        /// What it would do, and what to write instead.
        why: &'static str,
    },
    /// No YAML, or too much of it.
    #[error("the kubeconfig can't be read: {reason}")]
    Unreadable {
        /// Why; without a word of the text.
        reason: &'static str,
    },
}

/// What a field that is refused would do.
const REASONS: &[(&str, &str)] = &[
    (
        "exec",
        "it would run a program in the engine; use `token` or `client-certificate-data`",
    ),
    ("auth-provider", "it would run a program in the engine; use `token`"),
    (
        "tokenFile",
        "it would read a file of the engine's, such as its own token; use `token`",
    ),
    (
        "client-certificate",
        "it would read a file of the engine's; use `client-certificate-data`",
    ),
    (
        "client-key",
        "it would read a file of the engine's; use `client-key-data`",
    ),
    (
        "certificate-authority",
        "it would read a file of the engine's; use `certificate-authority-data`",
    ),
    (
        "proxy-url",
        "it would lead the engine's traffic elsewhere; proxies are the operator's",
    ),
    (
        "insecure-skip-tls-verify",
        "the credential could be stolen on the way; use `certificate-authority-data`",
    ),
    (
        "as",
        "whom the engine acts as is said by the App's `spec.target.serviceAccountName`",
    ),
    (
        "as-groups",
        "whom the engine acts as is said by the App's `spec.target.serviceAccountName`",
    ),
    (
        "as-uid",
        "whom the engine acts as is said by the App's `spec.target.serviceAccountName`",
    ),
    (
        "as-user-extra",
        "whom the engine acts as is said by the App's `spec.target.serviceAccountName`",
    ),
];

const OTHERWISE: &str = "it is none of the fields that such a kubeconfig may have";

const TOP: &[&str] = &[
    "apiVersion",
    "kind",
    "preferences",
    "clusters",
    "users",
    "contexts",
    "current-context",
    "extensions",
];
const CLUSTER: &[&str] = &[
    "server",
    "certificate-authority-data",
    "tls-server-name",
    "disable-compression",
    "extensions",
];
const USER: &[&str] = &[
    "token",
    "username",
    "password",
    "client-certificate-data",
    "client-key-data",
    "extensions",
];
const CONTEXT: &[&str] = &["cluster", "user", "namespace", "extensions"];

/// Fields that say "no" when they are empty or false are let pass.
fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

/// Reads one, refusing what it must not say.
pub(super) fn hostile(text: &str) -> Result<Kubeconfig, Hostile> {
    let unreadable = |reason| Hostile::Unreadable { reason };
    if text.len() > MAX_KUBECONFIG {
        return Err(unreadable("it has more than 1 MiB"));
    }
    // The parser's words would quote the text, and with it a token.
    let mut documents = yaml::parse(text).map_err(|_| unreadable("it is no YAML"))?;
    let (Some(document), true) = (documents.pop(), documents.is_empty()) else {
        return Err(unreadable("it must be one document"));
    };
    let mut value = document.value;
    let top = value.as_object_mut().ok_or_else(|| unreadable("it is no map"))?;
    only(top, TOP, "")?;
    each(top, "clusters", "cluster", CLUSTER)?;
    each(top, "users", "user", USER)?;
    each(top, "contexts", "context", CONTEXT)?;
    servers(top)?;
    // Extensions mean nothing here but to exec plugins.
    top.remove("extensions");
    top.remove("preferences");
    serde_json::from_value(value).map_err(|_| unreadable("a field has another type than it should"))
}

fn each(top: &mut Map<String, Value>, list: &str, inner: &str, may: &[&str]) -> Result<(), Hostile> {
    let Some(Value::Array(entries)) = top.get_mut(list) else {
        return Ok(());
    };
    for (index, entry) in entries.iter_mut().enumerate() {
        let at = format!("{list}[{index}]");
        let Some(entry) = entry.as_object_mut() else { continue };
        only(entry, &["name", inner], &format!("{at}."))?;
        if let Some(fields) = entry.get_mut(inner).and_then(Value::as_object_mut) {
            only(fields, may, &format!("{at}.{inner}."))?;
            fields.remove("extensions");
        }
    }
    Ok(())
}

fn only(fields: &mut Map<String, Value>, may: &[&str], at: &str) -> Result<(), Hostile> {
    for (field, value) in &*fields {
        if may.contains(&field.as_str()) || says_nothing(value) {
            continue;
        }
        let why = REASONS
            .iter()
            .find(|(name, _)| name == field)
            .map_or(OTHERWISE, |(_, why)| why);
        return Err(Hostile::Field {
            field: format!("{at}{}", field.escape_debug()),
            why,
        });
    }
    fields.retain(|field, _| may.contains(&field.as_str()));
    Ok(())
}

/// Only https, and nothing but a host: over plain http a credential goes to whoever listens, and whoever writes the Secret
/// could have requests made to services that the engine reaches and they don't.
fn servers(top: &Map<String, Value>) -> Result<(), Hostile> {
    let Some(Value::Array(clusters)) = top.get("clusters") else {
        return Ok(());
    };
    for (index, cluster) in clusters.iter().enumerate() {
        let Some(server) = cluster.pointer("/cluster/server").and_then(Value::as_str) else {
            continue;
        };
        let host = server.strip_prefix("https://");
        if host.is_none_or(|host| host.contains('@')) {
            return Err(Hostile::Field {
                field: format!("clusters[{index}].cluster.server"),
                why: "it must be an https:// URL without a user",
            });
        }
    }
    Ok(())
}
