//! What the engine keeps between runs: one folder with the installation's secret, the inventories, mirrors and caches.
//!
//! ```text
//! STATE/secret          32 random bytes, hex, owner only: keys every generated password. Back it up.
//! STATE/state.redb      inventories, histories and decisions; opened by one process at a time
//! STATE/control.sock    asks that process, see [`crate::control`]
//! STATE/holder          which process that is, for the message to others; the lock is on the file above
//! STATE/reserve         disk space that inventories and events may have when there is no other left
//! STATE/history/        documents of what was applied before, sealed under the secret: what a rollback applies again
//! STATE/mirrors/        bare git mirrors, disposable
//! STATE/cache/          compiled plugins, known renders (sealed under the secret), disposable
//! ```
//!
//! In a cluster, where several replicas work, the secret is a Secret and what Apps own are Inventory objects (`ledgers`): the folder is
//! disposable then.

mod holder;
mod deployed;
mod outbox;
mod reserve;
mod decisions;
mod history;
mod rollouts;
pub(crate) mod ledgers;
mod rows;
mod shared;

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use redb::{
    Database, Durability, Key, ReadOnlyTable, ReadableDatabase as _, ReadableTable as _, TableDefinition, Value,
    WriteTransaction, backends::FileBackend,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use windlass_core::{
    digest::{Digest, hex, unhex},
    inventory::{FORMAT, Inventory},
};

pub use deployed::Deployed;
pub(crate) use history::Attempt;
pub use holder::Holder;
use ledgers::Ledgers;
use reserve::Reserve;

/// Key: `target|namespace/app`; value: [`Inventory`] as JSON.
const INVENTORIES: TableDefinition<&str, &[u8]> = TableDefinition::new("inventories");
/// The same keys; value: [`Deployed`] as JSON.
const DEPLOYED: TableDefinition<&str, &[u8]> = TableDefinition::new("apps");

/// The state folder. Several processes may use it; only one holds its [`Inventories`].
#[derive(Debug, Clone)]
pub struct State {
    dir: PathBuf,
    secret: Secret,
}

/// The installation's secret.
#[derive(Clone)]
pub struct Secret([u8; 32]);

/// The inventories of all apps, on disk before any answer; in a cluster, in its objects.
pub struct Inventories {
    // Dropped in this order: the note goes while the lock is still ours.
    _holding: holder::Note,
    database: Database,
    reserve: Reserve,
    ledgers: Option<Ledgers>,
    /// Writes since one waited for the disk, where what is on it is a copy.
    unsynced: AtomicU32,
}

/// Where what is on disk is a copy, one of so many writes waits for it: the store frees no room before.
const SYNCED_EVERY: u32 = 256;

/// Why the state can't be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The file system says no.
    #[error("the state at `{}` can't be used: {action}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The secret's file holds something else.
    #[error("`{}` is no installation secret: expected 64 hexadecimal digits; restore it from your backup", path.display())]
    BadSecret {
        /// The file.
        path: PathBuf,
    },
    /// Somebody else could read the secret.
    #[error("`{}` can be read by others (mode {mode:o}): run `chmod 600` on it", path.display())]
    SecretIsOpen {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Inventories without the secret they were made under.
    #[error("`{}` is missing although there is state beside it: restore it from your backup, or every generated password would change", path.display())]
    SecretLost {
        /// Where it should be.
        path: PathBuf,
    },
    /// Another process holds the inventories.
    #[error(
        "`{}` is in use by {}: only one process may change what an App owns; wait for it or stop it, or use another `--state`",
        path.display(),
        holder.as_ref().map_or_else(|| "another `windlass run`, `sync` or `diff`".to_owned(), ToString::to_string)
    )]
    InUse {
        /// The file.
        path: PathBuf,
        /// Which process, when it can be told.
        holder: Option<Holder>,
    },
    /// The store failed.
    #[error("the inventories at `{}` can't be {action}", path.display())]
    Store {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// Why.
        #[source]
        source: Box<redb::Error>,
    },
    /// A stored inventory is no inventory.
    #[error("the inventory of `{key}` can't be read: nothing is changed or deleted for it")]
    Damaged {
        /// Whose.
        key: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// What lies in the cluster can't be written.
    #[error("the Inventory of App {app} can't be written: {why}")]
    Cluster {
        /// Whose.
        app: String,
        /// Why.
        why: String,
    },
    /// Another replica keeps it by now.
    #[error("App {app} is kept by another replica")]
    NotKept {
        /// Which.
        app: String,
    },
    /// What lies in the cluster can't be read.
    #[error("the Inventory of App {app} can't be read, so that nothing is changed or deleted for it: {why}")]
    Unread {
        /// Whose.
        app: String,
        /// Why.
        why: String,
    },
    /// A newer Windlass wrote it.
    #[error("the inventory of `{key}` has format {found}, this version reads up to {known}: use a newer Windlass")]
    TooNew {
        /// Whose.
        key: String,
        /// Its format.
        found: u32,
        /// The newest that is read.
        known: u32,
    },
}

impl State {
    /// Opens the folder, or makes it (owner only) with a fresh secret.
    ///
    /// # Errors
    /// When the folder or the secret can't be used; never replaces a secret under existing state.
    pub fn open(dir: &Path) -> Result<Self, StateError> {
        make(dir)?;
        let path = dir.join("secret");
        let secret = match fs::read_to_string(&path) {
            Ok(text) => Secret::parse(&path, &text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if dir.join("state.redb").exists() {
                    return Err(StateError::SecretLost { path });
                }
                Secret::create(dir, &path)?
            }
            Err(error) => return Err(io_error(&path, "reading the secret")(error)),
        };
        Ok(Self {
            dir: dir.to_owned(),
            secret,
        })
    }

    /// Opens the folder of a replica, or makes it (owner only): the secret is the cluster's.
    ///
    /// # Errors
    /// When the folder can't be used.
    pub(crate) fn of_replica(dir: &Path, secret: Secret) -> Result<Self, StateError> {
        make(dir)?;
        Ok(Self {
            dir: dir.to_owned(),
            secret,
        })
    }

    /// The installation's secret.
    #[must_use]
    pub const fn secret(&self) -> &Secret {
        &self.secret
    }

    /// The folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where mirrors lie.
    #[must_use]
    pub fn mirrors(&self) -> PathBuf {
        self.dir.join("mirrors")
    }

    /// Where caches lie unless the user says otherwise.
    #[must_use]
    pub fn cache(&self) -> PathBuf {
        self.dir.join("cache")
    }

    /// Where renders are kept: beside the secret that seals them, whatever folder compiled plugins go to.
    #[must_use]
    pub fn renders(&self) -> PathBuf {
        self.dir.join("cache/renders")
    }

    /// Where the renders of histories are kept.
    #[must_use]
    pub fn history(&self) -> PathBuf {
        self.dir.join("history")
    }

    /// Takes hold of the inventories until dropped.
    ///
    /// # Errors
    /// [`StateError::InUse`] while another process holds them; [`StateError::Store`] when the file can't be used.
    pub fn inventories(&self) -> Result<Inventories, StateError> {
        let path = self.dir.join("state.redb");
        let database = Database::create(&path).map_err(|error| match error {
            redb::DatabaseError::DatabaseAlreadyOpen => StateError::InUse {
                path: path.clone(),
                holder: Holder::read(&self.dir),
            },
            other => StateError::Store {
                path: path.clone(),
                action: "opened",
                source: Box::new(other.into()),
            },
        })?;
        Ok(self.over(database, None))
    }

    /// The inventories of a replica: a copy of what lies in the cluster, empty at first, in a file that has no name and goes with the process.
    ///
    /// # Errors
    /// When there can't be one.
    pub(crate) fn copies(&self, ledgers: Ledgers) -> Result<Inventories, StateError> {
        let file = tempfile::tempfile_in(&self.dir).map_err(io_error(&self.dir, "making a copy of the inventories"))?;
        let unopened = |error: redb::Error| StateError::Store {
            path: self.dir.clone(),
            action: "opened",
            source: Box::new(error),
        };
        let backend = FileBackend::new(file).map_err(|error| unopened(error.into()))?;
        let database = Database::builder().create_with_backend(backend);
        let database = database.map_err(|error| unopened(error.into()))?;
        Ok(self.over(database, Some(ledgers)))
    }

    fn over(&self, database: Database, ledgers: Option<Ledgers>) -> Inventories {
        Inventories {
            _holding: holder::Note::write(&self.dir),
            database,
            reserve: Reserve::new(&self.dir),
            ledgers,
            unsynced: AtomicU32::new(0),
        }
    }
}

fn make(dir: &Path) -> Result<(), StateError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(dir).map_err(io_error(dir, "creating the folder"))
}

impl Secret {
    /// As text, 64 hexadecimal digits; `None`: it is none.
    pub(crate) fn of_text(text: &str) -> Option<Self> {
        let bytes = unhex(text.trim())?;
        bytes.try_into().ok().map(Self)
    }

    /// A fresh one.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub(crate) fn draw() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// As [`Secret::of_text`] reads it.
    pub(crate) fn text(&self) -> String {
        hex(&self.0)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, StateError> {
        let metadata = fs::metadata(path).map_err(io_error(path, "reading the secret"))?;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(StateError::SecretIsOpen {
                path: path.to_owned(),
                mode,
            });
        }
        Self::of_text(text).ok_or_else(|| StateError::BadSecret { path: path.to_owned() })
    }

    /// Written beside and linked into place: of two processes that start together one secret wins, and both use it.
    fn create(dir: &Path, path: &Path) -> Result<Self, StateError> {
        let drawn = Self::draw().map_err(|e| io_error(path, "drawing a secret")(io::Error::other(e)))?;
        let temporary = tempfile::Builder::new()
            .prefix(".secret-")
            .permissions(fs::Permissions::from_mode(0o600))
            .tempfile_in(dir)
            .map_err(io_error(path, "writing the secret"))?;
        writeln!(&temporary, "{}", drawn.text()).map_err(io_error(path, "writing the secret"))?;
        temporary
            .as_file()
            .sync_all()
            .map_err(io_error(path, "writing the secret"))?;
        match fs::hard_link(temporary.path(), path) {
            Ok(()) => Ok(drawn),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let text = fs::read_to_string(path).map_err(io_error(path, "reading the secret"))?;
                Self::parse(path, &text)
            }
            Err(error) => Err(io_error(path, "writing the secret")(error)),
        }
    }

    /// The key material.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Names the installation in owner marks without telling the secret: 12 hexadecimal digits.
    #[must_use]
    pub fn installation(&self) -> String {
        Digest::of_parts([b"windlass installation".as_slice(), &self.0]).short()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Inventories {
    /// The inventory under a key; empty when there is none yet.
    ///
    /// # Errors
    /// When the store fails, or what is stored can't be read: then nothing may be pruned.
    pub fn load(&self, key: &str) -> Result<Inventory, StateError> {
        self.is_read(key)?;
        match self.read(INVENTORIES, key)? {
            Some(bytes) => parse(key, &bytes, FORMAT),
            None => Ok(Inventory::default()),
        }
    }

    /// Remembers how an App is deployed under a key; on disk when this returns. Writes nothing that it knows already.
    ///
    /// # Errors
    /// When the store fails.
    pub fn remember(&self, key: &str, app: &Deployed) -> Result<(), StateError> {
        let bytes = json(key, app)?;
        if self.read(DEPLOYED, key)?.is_some_and(|known| known == bytes) {
            return Ok(());
        }
        self.write(|transaction| {
            transaction.open_table(DEPLOYED)?.insert(key, bytes.as_slice())?;
            Ok(())
        })?;
        self.publish(key)
    }

    /// Every App that was deployed and not let go, by key.
    ///
    /// # Errors
    /// When the store fails, or one can't be read: then none may be let go.
    pub fn deployed(&self) -> Result<BTreeMap<String, Deployed>, StateError> {
        self.all(DEPLOYED, deployed::FORMAT)
    }

    /// One write: all of it or nothing, and on disk when this returns. The reserve is given up for it when the disk has no other space.
    fn write<T>(&self, change: impl FnOnce(&WriteTransaction) -> Result<T, redb::Error>) -> Result<T, StateError> {
        self.write_as(Durability::Immediate, change)
    }

    fn write_as<T>(
        &self,
        durability: Durability,
        change: impl FnOnce(&WriteTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, StateError> {
        let durability = match &self.ledgers {
            None => durability,
            Some(_)
                if self
                    .unsynced
                    .fetch_add(1, Ordering::Relaxed)
                    .is_multiple_of(SYNCED_EVERY) =>
            {
                Durability::Immediate
            }
            Some(_) => Durability::None,
        };
        let write = || {
            self.reserve.look();
            let mut transaction = self.database.begin_write()?;
            transaction.set_durability(durability)?;
            let made = change(&transaction)?;
            transaction.commit()?;
            Ok(made)
        };
        write().map_err(|source| store_error("written", source))
    }

    /// Looks into a table; `None` when there is none yet.
    fn look<K: Key + 'static, V: Value + 'static, T>(
        &self,
        table: TableDefinition<'_, K, V>,
        look: impl FnOnce(&ReadOnlyTable<K, V>) -> Result<T, redb::Error>,
    ) -> Result<Option<T>, StateError> {
        let read = || {
            let transaction = self.database.begin_read()?;
            match transaction.open_table(table) {
                Ok(table) => look(&table).map(Some),
                Err(redb::TableError::TableDoesNotExist(_)) => Ok(None),
                Err(error) => Err(error.into()),
            }
        };
        read().map_err(|source| store_error("read", source))
    }

    /// A whole table, each value of a format up to `known`.
    fn all<T: DeserializeOwned>(
        &self,
        table: TableDefinition<'_, &str, &[u8]>,
        known: u32,
    ) -> Result<BTreeMap<String, T>, StateError> {
        let all = self.look(table, |table| {
            let mut all = Vec::new();
            for entry in table.iter()? {
                let (key, value) = entry?;
                all.push((key.value().to_owned(), value.value().to_vec()));
            }
            Ok(all)
        })?;
        let parsed = all.unwrap_or_default().into_iter().map(|(key, bytes)| {
            let value = parse(&key, &bytes, known)?;
            Ok((key, value))
        });
        parsed.collect()
    }

    /// Forgets an App and what it owned, its history and what was decided about it. Answers the files of renders that nobody needs
    /// any more.
    ///
    /// # Errors
    /// When the store fails; then all of it is still known.
    pub fn forget(&self, key: &str) -> Result<Vec<String>, StateError> {
        let released = self.write(|transaction| {
            transaction.open_table(INVENTORIES)?.remove(key)?;
            transaction.open_table(DEPLOYED)?.remove(key)?;
            decisions::forget(transaction, key)?;
            history::forget(transaction, key)
        })?;
        self.publish(key)?;
        Ok(released)
    }

    fn read(&self, table: TableDefinition<'_, &str, &[u8]>, key: &str) -> Result<Option<Vec<u8>>, StateError> {
        let found = self.look(table, |table| Ok(table.get(key)?.map(|value| value.value().to_vec())))?;
        Ok(found.flatten())
    }

    /// Replaces the inventory under a key; on disk when this returns.
    ///
    /// # Errors
    /// When the store fails; the old inventory stays.
    pub fn store(&self, key: &str, inventory: &Inventory) -> Result<(), StateError> {
        self.store_of(key, inventory, None)
    }

    /// As [`Inventories::store`], and remembers how the App is deployed: with one write, for a disk is slow.
    ///
    /// # Errors
    /// When the store fails; what was there stays.
    pub fn store_of(&self, key: &str, inventory: &Inventory, app: Option<&Deployed>) -> Result<(), StateError> {
        let bytes = json(key, inventory)?;
        let app = app.map(|app| json(key, app)).transpose()?;
        self.write(|transaction| {
            transaction.open_table(INVENTORIES)?.insert(key, bytes.as_slice())?;
            if let Some(app) = &app {
                transaction.open_table(DEPLOYED)?.insert(key, app.as_slice())?;
            }
            Ok(())
        })?;
        self.publish(key)
    }
}

/// A value as it is stored under a key.
fn json(key: &str, value: &impl Serialize) -> Result<Vec<u8>, StateError> {
    serde_json::to_vec(value).map_err(|source| StateError::Damaged {
        key: key.to_owned(),
        source,
    })
}

fn parse<T: DeserializeOwned>(key: &str, bytes: &[u8], known: u32) -> Result<T, StateError> {
    let damaged = |source| StateError::Damaged {
        key: key.to_owned(),
        source,
    };
    let format: Format = serde_json::from_slice(bytes).map_err(damaged)?;
    if format.format > known {
        return Err(StateError::TooNew {
            key: key.to_owned(),
            found: format.format,
            known,
        });
    }
    serde_json::from_slice(bytes).map_err(damaged)
}

/// The one field that every format has.
#[derive(Deserialize)]
struct Format {
    format: u32,
}

fn store_error(action: &'static str, source: redb::Error) -> StateError {
    StateError::Store {
        path: PathBuf::from("state.redb"),
        action,
        source: Box::new(source),
    }
}

fn io_error(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> StateError {
    let path = path.to_owned();
    move |source| StateError::Io { path, action, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_made_once_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let first = State::open(dir.path()).unwrap();
        let second = State::open(dir.path()).unwrap();
        assert_eq!(first.secret().as_bytes(), second.secret().as_bytes());
        assert_eq!(first.secret().installation().len(), 12);
    }

    #[test]
    fn state_without_its_secret_refuses_to_start() {
        let dir = tempfile::tempdir().unwrap();
        let state = State::open(dir.path()).unwrap();
        drop(state.inventories().unwrap());
        fs::remove_file(dir.path().join("secret")).unwrap();
        assert!(matches!(State::open(dir.path()), Err(StateError::SecretLost { .. })));
    }

    #[test]
    fn a_secret_that_others_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        State::open(dir.path()).unwrap();
        fs::set_permissions(dir.path().join("secret"), fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(
            State::open(dir.path()),
            Err(StateError::SecretIsOpen { mode: 0o644, .. })
        ));
    }

    #[test]
    fn one_process_holds_the_inventories() {
        let dir = tempfile::tempdir().unwrap();
        let state = State::open(dir.path()).unwrap();
        let held = state.inventories().unwrap();
        let Err(refused) = state.inventories() else {
            panic!("two hold the inventories");
        };
        let pid = format!("process {}", std::process::id());
        assert!(refused.to_string().contains(&pid), "{refused}");
        drop(held);
        assert!(!dir.path().join("holder").exists());
        state.inventories().unwrap();
    }

    fn deployed(name: &str) -> Deployed {
        let text = format!(
            r#"{{"format": 1, "config": "/c/windlass.yaml", "namespace": "default", "name": "{name}", "target": {{"cluster": "eu"}},
            "cluster": {{"kubeconfig": {{}}}}, "prune": {{}}, "deletionPolicy": "Orphan"}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn an_app_is_remembered_until_it_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let inventories = State::open(dir.path()).unwrap().inventories().unwrap();
        assert!(inventories.deployed().unwrap().is_empty());
        let (a, b) = (deployed("a"), deployed("b"));
        inventories.remember("at|default/a", &a).unwrap();
        inventories.remember("at|default/b", &b).unwrap();
        inventories.remember("at|default/b", &b).unwrap();
        inventories
            .store(
                "at|default/a",
                &Inventory {
                    revision: Some("c".into()),
                    ..Inventory::default()
                },
            )
            .unwrap();
        let all = [("at|default/a".to_owned(), a), ("at|default/b".to_owned(), b.clone())];
        assert_eq!(inventories.deployed().unwrap(), all.into());
        assert_eq!(
            Deployed::of(&b.app(), b.config.clone(), Some(("eu", b.cluster.as_ref()))),
            b
        );
        inventories.forget("at|default/a").unwrap();
        inventories.forget("at|default/a").unwrap();
        assert_eq!(
            inventories.deployed().unwrap(),
            [("at|default/b".to_owned(), b.clone())].into()
        );
        assert_eq!(inventories.load("at|default/a").unwrap(), Inventory::default());
        // One that can't be read may be anybody's.
        inventories
            .remember("at|default/a", &Deployed { format: 2, ..b })
            .unwrap();
        assert!(matches!(
            inventories.deployed(),
            Err(StateError::TooNew { found: 2, known: 1, .. })
        ));
    }

    #[test]
    fn a_newer_inventory_is_refused_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let inventories = State::open(dir.path()).unwrap().inventories().unwrap();
        let newer = Inventory {
            format: FORMAT + 1,
            ..Inventory::default()
        };
        inventories.store("a", &newer).unwrap();
        assert!(matches!(inventories.load("a"), Err(StateError::TooNew { found, .. }) if found == FORMAT + 1));
        assert_eq!(inventories.load("b").unwrap(), Inventory::default());
    }
}
