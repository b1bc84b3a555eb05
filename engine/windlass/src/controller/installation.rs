//! What makes an installation: its secret, which every replica has and nobody else.

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use windlass_cluster::refusal::Refusal;
use windlass_core::config::SecretRef;

use crate::{
    engine::Home,
    secrets::{self, SecretError},
    state::{Secret, State, StateError, ledgers::Ledgers},
};

/// The Secret, in the namespace of the engine.
pub(crate) const NAME: &str = "windlass-installation";

const KEY: &str = "secret";

const MANAGER: &str = "windlass-controller";

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InstallationError {
    #[error("Secret `{0}/{NAME}` can't be read: {1}")]
    Unread(String, SecretError),
    #[error("Secret `{0}/{NAME}` holds no 64 hexadecimal digits as `{KEY}`: restore it from your backup")]
    Damaged(String),
    #[error(
        "there is no Secret `{0}/{NAME}` although there are Inventories: restore it from your backup, or every generated password would change and \
         no object would be known as this installation's"
    )]
    Lost(String),
    #[error("Secret `{0}/{NAME}` can't be made: {1}")]
    Unmade(String, Refusal),
    #[error(transparent)]
    State(#[from] StateError),
}

impl InstallationError {
    /// Whether waiting may help.
    pub(crate) const fn is_passing(&self) -> bool {
        matches!(self, Self::Unread(..) | Self::Unmade(..))
    }
}

/// The installation's secret. The first replica draws it; a folder of state that has one already gives its own.
///
/// # Errors
/// When it can't be had. Never another one under what is there.
pub(crate) async fn secret(home: &Home, state: &Path) -> Result<Secret, InstallationError> {
    let namespace = &home.namespace;
    if let Some(secret) = read(home).await? {
        return Ok(secret);
    }
    let unmade = |error| InstallationError::Unmade(namespace.clone(), error);
    let secret = if state.join("secret").exists() {
        State::open(state)?.secret().clone()
    } else if Ledgers::is_any(&home.api).await.map_err(unmade)? {
        return Err(InstallationError::Lost(namespace.clone()));
    } else {
        Secret::draw().map_err(|_| InstallationError::Damaged(namespace.clone()))?
    };
    let resource = secrets::resource();
    let body = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": NAME,
            "namespace": namespace,
            "labels": {"app.kubernetes.io/name": "windlass"},
            "annotations": {"kubernetes.io/description": "Keys every generated password, and names the owner of every object. Back it up."},
        },
        "immutable": true,
        "data": {KEY: STANDARD.encode(secret.text())},
    });
    match home
        .api
        .create(&resource, &resource.id(namespace, NAME), &body, MANAGER)
        .await
    {
        Ok::<Value, _>(_) => Ok(secret),
        // Of two that start together one was first.
        Err(Refusal::Changed { .. }) => read(home)
            .await?
            .ok_or_else(|| InstallationError::Lost(namespace.clone())),
        Err(error) => Err(unmade(error)),
    }
}

async fn read(home: &Home) -> Result<Option<Secret>, InstallationError> {
    let namespace = &home.namespace;
    let damaged = || InstallationError::Damaged(namespace.clone());
    let named = SecretRef { name: NAME.to_owned() };
    match secrets::read(Some(home), namespace, &named).await {
        Ok(contents) => {
            let text = contents.line(KEY).map_err(|_| damaged())?;
            Secret::of_text(&text).map(Some).ok_or_else(damaged)
        }
        Err(SecretError::Missing(_)) => Ok(None),
        Err(error) => Err(InstallationError::Unread(namespace.clone(), error)),
    }
}
