//! The clusters of a configuration: each is connected when an app needs it first, and then shared by all.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    sync::{OnceCell, mpsc::UnboundedSender},
    task::JoinSet,
};
use windlass_cluster::{
    call::Limits,
    cluster::Cluster as Api,
    connect::{Access, Connection, Guard},
    facts::Facts,
    identity::{Actor, Key, Unnamed},
    store::{Changes, Rules, Store},
};
use windlass_core::config::{self, App, ClusterSpec, IN_CLUSTER, SecretRef};

use crate::{
    assess::Assessor,
    current::Current,
    secrets::{self, Home, SecretError},
    stop::Stop,
    target::{Shared, TargetChoice},
};

/// Files that hold a kubeconfig where none is named, as kubectl has it: `$KUBECONFIG`, else the one in the home folder.
#[derive(Debug, Clone, Default)]
pub struct Kubeconfigs(pub Vec<PathBuf>);

/// All clusters.
pub(crate) struct Clusters {
    specs: Current<BTreeMap<String, ClusterSpec>>,
    base: PathBuf,
    installation: String,
    /// Of Apps: what their conditions look at is watched.
    rules: Current<Rules>,
    kubeconfigs: Kubeconfigs,
    /// The cluster that the configuration is made of, if it is made of one.
    home: Option<Home>,
    /// What everything that is written goes through.
    guard: Option<Guard>,
    /// Of Apps that left: their Cluster may have gone with them.
    remembered: Mutex<BTreeMap<String, ClusterSpec>>,
    open: Mutex<BTreeMap<String, Arc<OnceCell<Opened>>>>,
    /// Tells where objects stand of kinds that have a health checker.
    assessor: Option<Assessor>,
    /// Gets what happens on every cluster that is connected.
    opened: Mutex<Option<UnboundedSender<Changes>>>,
}

/// A connected cluster.
#[derive(Clone)]
struct Opened {
    shared: Shared,
    unnamed: Unnamed,
    /// Asks its health checkers; ends with whoever holds it last.
    _assessing: Option<Arc<JoinSet<()>>>,
}

/// The cluster that `--target cluster` means: what kubectl would take. No document has this name.
const OF_THE_PERSON: &str = "";

impl Clusters {
    pub(crate) fn new(
        specs: &BTreeMap<String, ClusterSpec>,
        base: &Path,
        installation: &str,
        rules: Rules,
        kubeconfigs: &Kubeconfigs,
    ) -> Self {
        Self {
            specs: Current::new(specs.clone()),
            base: base.to_owned(),
            installation: installation.to_owned(),
            rules: Current::new(rules),
            kubeconfigs: kubeconfigs.clone(),
            home: None,
            guard: None,
            remembered: Mutex::default(),
            open: Mutex::default(),
            assessor: None,
            opened: Mutex::default(),
        }
    }

    /// The same; where objects stand that have a health checker is asked there.
    pub(crate) fn asking(self, assessor: Assessor) -> Self {
        Self {
            assessor: Some(assessor),
            ..self
        }
    }

    /// The same; `in-cluster` and the Secrets of kubeconfigs are there.
    pub(crate) fn at_home(self, home: Option<&Home>) -> Self {
        Self {
            home: home.cloned(),
            ..self
        }
    }

    /// The same; nothing is written anywhere but what the guard admits.
    pub(crate) fn guarded(self, guard: Option<Guard>) -> Self {
        Self { guard, ..self }
    }

    /// The cluster that `--target cluster` means, where there is no configuration.
    ///
    /// # Errors
    /// When it can't be connected.
    pub(crate) async fn of_the_person(kubeconfigs: &Kubeconfigs) -> Result<Shared, Stop> {
        let clusters = Self::new(&BTreeMap::new(), Path::new("."), "", Rules::default(), kubeconfigs);
        Ok(clusters.open(OF_THE_PERSON).await?.shared)
    }

    /// From now on the changes of every cluster are sent there when it is connected; those that are already are sent at once.
    pub(crate) fn watch(&self, followed: UnboundedSender<Changes>) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        for opened in open.values().filter_map(|cell| cell.get()) {
            let _ = followed.send(opened.shared.store.subscribe());
        }
        *self.opened.lock().unwrap_or_else(PoisonError::into_inner) = Some(followed);
    }

    /// The cluster that an app goes to, and who acts there for it. `None`: it goes somewhere else.
    ///
    /// # Errors
    /// When it can't be connected, and when nobody may act for the app.
    pub(crate) async fn of(&self, app: &App, choice: Option<&TargetChoice>) -> Result<Option<(Shared, Actor)>, Stop> {
        let Some(name) = Self::name_of(app, choice) else {
            return Ok(None);
        };
        let Opened { shared, unnamed, .. } = self.open(name).await?;
        let account = app.spec.target.service_account_name.as_deref();
        let actor = Actor::of(&app.namespace, account, unnamed).map_err(|error| Stop::of("identity", &error))?;
        let admitted = shared.api.connection().admits(&actor);
        admitted.map_err(|error| Stop::of("identity", &error))?;
        Ok(Some((shared, actor)))
    }

    /// The cluster that an app goes to, by name.
    pub(crate) fn name_of<'a>(app: &'a App, choice: Option<&'a TargetChoice>) -> Option<&'a str> {
        match (choice, &app.spec.target.cluster) {
            (Some(TargetChoice::Cluster(name)), _) => Some(name.as_deref().unwrap_or(OF_THE_PERSON)),
            (Some(TargetChoice::Directory(_)), _) | (None, None) => None,
            (None, Some(name)) => Some(name),
        }
    }

    /// The document of that name.
    pub(crate) fn spec(&self, name: &str) -> Option<ClusterSpec> {
        self.specs.get().get(name).cloned()
    }

    /// Takes other documents and rules. A cluster whose own document changed is connected anew when it is needed next, and so are all when
    /// rules changed: what was seen of living objects was reduced by the rules of then. Answers whether each cluster of a name is another.
    pub(crate) fn reconfigure(
        &self,
        specs: &BTreeMap<String, ClusterSpec>,
        rules: Rules,
    ) -> impl Fn(&str) -> bool + use<> {
        let before = self.specs.set(specs.clone());
        let are_others = *self.rules.get() != rules;
        if are_others {
            self.rules.set(rules);
        }
        let now = self.specs.get();
        let is_another = move |name: &str| are_others || before.get(name) != now.get(name);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|name, _| !is_another(name));
        is_another
    }

    /// Those that are connected, by name.
    pub(crate) fn all(&self) -> Vec<(String, Shared)> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let all = open
            .iter()
            .filter_map(|(name, cell)| Some((name.clone(), cell.get()?.shared.clone())));
        all.collect()
    }

    /// Has a cluster connected anew when it is needed next: its credential is another.
    pub(crate) fn disconnect(&self, name: &str) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.remove(name);
    }

    /// Where a cluster is whose document is gone.
    pub(crate) fn remember(&self, name: &str, spec: &ClusterSpec) {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.insert(name.to_owned(), spec.clone());
    }

    /// What a render may ask about the cluster.
    ///
    /// # Errors
    /// When the API server doesn't say.
    pub(crate) async fn facts(shared: &Shared) -> Result<Facts, Stop> {
        let facts = shared.api.discovery().facts().await;
        facts.map_err(|error| Stop::of("cluster", &error))
    }

    /// The version of Kubernetes there: `v1.34.2`.
    ///
    /// # Errors
    /// When the API server doesn't say.
    pub(crate) async fn version(shared: &Shared) -> Result<String, Stop> {
        Self::facts(shared).await.map(|facts| facts.kube_version)
    }

    /// A cluster by the name of its document, connected.
    ///
    /// # Errors
    /// When it can't be connected.
    pub(crate) async fn connected(&self, name: &str) -> Result<Shared, Stop> {
        Ok(self.open(name).await?.shared)
    }

    async fn open(&self, name: &str) -> Result<Opened, Stop> {
        let cell = {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(open.entry(name.to_owned()).or_default())
        };
        // A failure is not kept: the next app tries again.
        cell.get_or_try_init(|| self.connect(name)).await.cloned()
    }

    async fn connect(&self, name: &str) -> Result<Opened, Stop> {
        let Reach {
            access,
            unnamed,
            is_locked,
        } = self.reach(name).await?;
        let connection = Connection::open(&access, Limits::default()).await;
        let connection = connection.map_err(|error| Stop::of("cluster", &error))?;
        if let Some(guard) = &self.guard {
            connection.guard(guard.clone());
        }
        if is_locked {
            connection.show(Key::of(&self.installation).map_err(|error| Stop::of("identity", &error))?);
        }
        let server = connection.server().to_owned();
        let api = Api::new(connection);
        let store = Store::heeding(api.clone(), &self.installation, (*self.rules.get()).clone());
        let assessing = self.assessor.as_ref().map(|assessor| assessor.attend(store.clone()));
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(followed) = opened.as_ref() {
            // Subscribed before an app looks at anything, so that nothing is missed. Nobody listens any more: the loop is about
            // to end.
            let _ = followed.send(store.subscribe());
        }
        let shared = Shared { server, api, store };
        Ok(Opened {
            shared,
            unnamed,
            _assessing: assessing.map(Arc::new),
        })
    }

    /// The text of a Secret's kubeconfig.
    async fn kubeconfig(&self, secret: &SecretRef) -> Result<String, SecretError> {
        let home = self.home.as_ref();
        let namespace = home.map_or("", |home| home.namespace.as_str());
        let contents = secrets::read(home, namespace, secret).await?;
        match contents.text("value")? {
            Some(text) => Ok(text),
            None => contents.line("kubeconfig"),
        }
    }

    async fn reach(&self, name: &str) -> Result<Reach, Stop> {
        if name == OF_THE_PERSON {
            let access = Access::Files {
                paths: self.kubeconfigs.0.clone(),
                context: None,
            };
            return Ok(Reach::unlocked(access, Unnamed::ActAsOwn));
        }
        let remembered = {
            let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
            remembered.get(name).cloned()
        };
        let specs = self.specs.get();
        let Some(spec) = specs.get(name).or(remembered.as_ref()) else {
            return if name == IN_CLUSTER {
                let access = self.home.as_ref().map_or(Access::InCluster, |home| home.access.clone());
                Ok(Reach::unlocked(access, Unnamed::Refused))
            } else {
                Err(Stop::of("cluster", &NoCluster(name.to_owned())))
            };
        };
        let context = spec.kubeconfig.context.clone();
        let access = match (&spec.kubeconfig.secret_ref, &spec.kubeconfig.file) {
            (Some(secret), _) => Access::Text {
                text: self.kubeconfig(secret).await.map_err(|error| error.stop("cluster"))?,
                context,
            },
            (None, Some(file)) => Access::Files {
                paths: vec![self.base.join(file)],
                context,
            },
            (None, None) => Access::Files {
                paths: self.kubeconfigs.0.clone(),
                context,
            },
        };
        let unnamed = match spec.without_service_account {
            config::Unnamed::Refuse => Unnamed::Refused,
            config::Unnamed::ActAsOwn => Unnamed::ActAsOwn,
        };
        Ok(Reach {
            access,
            unnamed,
            is_locked: spec.lock.is_on(),
        })
    }
}

/// How a cluster is to be connected.
struct Reach {
    access: Access,
    unnamed: Unnamed,
    /// Lock mode: the engine shows who it is.
    is_locked: bool,
}

impl Reach {
    const fn unlocked(access: Access, unnamed: Unnamed) -> Self {
        Self {
            access,
            unnamed,
            is_locked: false,
        }
    }
}

/// No document has that name.
#[derive(Debug, thiserror::Error)]
#[error("there is no Cluster `{0}`: add a document of this kind, or correct `spec.target.cluster`")]
struct NoCluster(String);
