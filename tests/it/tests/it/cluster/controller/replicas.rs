//! Several controllers over one cluster: who acts when one of them is killed, paused or cut off, and that nobody acts who mayn't.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use rustix::process::Signal;
use serde_json::{Value, json};
use windlass_core::shards::{SHARDS, shard_of};
use windlass_tests::cluster::{Proxy, Request};

use super::{
    super::bed::{Running, soon},
    site::{SYSTEM, Site},
};
use crate::sandbox::config_map;

/// Apps of a replica that is gone are applied by another one within so long.
const MOVED: Duration = Duration::from_secs(15);

/// Times that an App can go to another replica in a test.
const HANDED_OVER: usize = 6;

const TEAMS: [&str; 8] = ["amber", "beryl", "coral", "dune", "ember", "fjord", "gorse", "heath"];

/// One controller, behind a proxy of its own.
struct Replica {
    name: &'static str,
    running: Running,
    proxy: Proxy,
}

struct Three {
    site: Site,
    replicas: Vec<Replica>,
    commits: usize,
    /// Everything that was asked since the beginning.
    requests: Vec<Request>,
}

impl Three {
    fn new() -> Self {
        let site = Site::new();
        let mut three = Self {
            replicas: Vec::new(),
            site,
            commits: 0,
            requests: Vec::new(),
        };
        three.write("0");
        for team in TEAMS {
            three.site.repository(team);
            three.site.app(team, "app", &json!({}));
        }
        for name in ["one", "two", "three"] {
            three.begin(name);
        }
        for team in TEAMS {
            three.site.ready(team, "app");
        }
        three.settled(3);
        three.kept();
        three
    }

    fn begin(&mut self, name: &'static str) {
        let (proxy, kubeconfig) = self.site.behind(name);
        let running = Running::start(self.site.replica(name, &kubeconfig));
        self.replicas.push(Replica { name, running, proxy });
    }

    /// A commit that changes every App.
    fn write(&mut self, value: &str) {
        self.site.commit(&[("app/a.yaml", Some(&config_map("a", value)))]);
        self.commits += 1;
    }

    /// Waits until every App is as the commit says. How long it took.
    fn applied(&self, value: &str) -> Duration {
        soon(&format!("every App says {value}"), || {
            let says = |team: &&str| {
                let map = self.site.get(&format!("/api/v1/namespaces/{team}/configmaps/a"));
                map.is_some_and(|map| map["data"]["value"] == value)
            };
            Ok(TEAMS.iter().all(says))
        })
    }

    /// Waits until what became of every App is written down. Whoever is killed before that has it applied once more, for nobody knows.
    fn kept(&self) {
        soon("what became of every App is kept", || {
            let is_kept = |team: &&str| {
                let inventory = self.site.object("inventories", team, "app").unwrap_or_default();
                let target = &inventory["spec"]["targets"][0];
                let entries = target["inventory"]["entries"].as_array().cloned().unwrap_or_default();
                let is_done =
                    |entry: &Value| entry["state"]["intended"].is_null() && entry["state"]["applied"].is_string();
                target["history"][0]["outcome"] == "healthy" && !entries.is_empty() && entries.iter().all(is_done)
            };
            Ok(TEAMS.iter().all(is_kept))
        });
    }

    fn leases(&self, role: &str) -> Vec<Value> {
        let path = format!(
            "/apis/coordination.k8s.io/v1/namespaces/{SYSTEM}/leases?labelSelector=windlass.dev%2Flease%3D{role}"
        );
        let list = self.site.get(&path).unwrap();
        list["items"].as_array().cloned().unwrap_or_default()
    }

    /// Who holds each shard.
    fn holders(&self) -> BTreeMap<u16, String> {
        let shards = self.leases("shard").into_iter().map(|lease| {
            let name = lease["metadata"]["name"].as_str().unwrap().to_owned();
            let holder = lease["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned();
            (name.rsplit('-').next().unwrap().parse().unwrap(), holder)
        });
        shards.collect()
    }

    /// Waits until so many replicas share everything.
    fn settled(&self, replicas: usize) {
        soon(&format!("{replicas} replicas share the Apps"), || {
            let holders = self.holders();
            let different: BTreeSet<&String> = holders.values().filter(|holder| !holder.is_empty()).collect();
            let alive: BTreeSet<String> = self
                .leases("replica")
                .iter()
                .map(|lease| lease["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned())
                .collect();
            let all = holders.len() == usize::from(SHARDS) && holders.values().all(|holder| alive.contains(holder));
            Ok(all && different.len() == replicas && alive.len() == replicas)
        });
    }

    /// A replica that keeps at least one of the Apps, with what it is called by now.
    fn keeper(&self) -> (usize, String) {
        let holders = self.holders();
        let state = |replica: &Replica| {
            let path = self.site.sandbox.path().join(replica.name).join("replica");
            std::fs::read_to_string(path).unwrap().trim().to_owned()
        };
        let ids: Vec<String> = self.replicas.iter().map(state).collect();
        let keeps = |id: &String| TEAMS.iter().any(|team| holders.get(&shard_of(team)) == Some(id));
        let found = ids.iter().position(keeps).unwrap();
        (found, ids[found].clone())
    }

    fn take_requests(&mut self) {
        let requests = self.site.requests();
        self.requests.extend(requests);
    }

    /// Holds every write of every replica to the shards that it held then, by the audit log alone. Answers how many there were.
    fn prove(&mut self) -> usize {
        self.take_requests();
        let tenures = tenures(&self.requests);
        let mut writes = 0;
        for request in &self.requests {
            let Some(id) = id_of(request) else { continue };
            let is_read = matches!(request.verb.as_str(), "get" | "list" | "watch");
            let is_shared = request.resource == "coordination.k8s.io/leases"
                || request.resource.starts_with("authorization.k8s.io/")
                || (request.resource == "secrets" && request.namespace == SYSTEM);
            if is_read || is_shared || request.target.contains("dryRun=All") || request.status >= 400 {
                continue;
            }
            writes += 1;
            let shard = shard_of(&request.namespace);
            let held = tenures.get(&shard).into_iter().flatten();
            let is_held = held.clone().any(|tenure| {
                tenure.id == id
                    && tenure.from <= request.received
                    && tenure.to.as_ref().is_none_or(|to| request.received < *to)
            });
            let tenures: Vec<&Tenure> = held.collect();
            assert!(is_held, "{request:?} while shard {shard} was held so: {tenures:?}");
        }
        writes
    }

    /// Who wrote an App's object, and when.
    fn writes_of(&self, team: &str) -> Vec<String> {
        let is_one = |request: &&Request| {
            request.resource == "configmaps"
                && request.namespace == team
                && matches!(request.verb.as_str(), "patch" | "create" | "update")
                && request.status < 300
                && !request.target.contains("dryRun=All")
                && id_of(request).is_some()
        };
        let words = |request: &Request| {
            let id = id_of(request).unwrap_or_default();
            format!("{} {} {} by {id}", request.received, request.verb, request.status)
        };
        self.requests.iter().filter(is_one).map(words).collect()
    }
}

/// What a replica calls itself.
fn id_of(request: &Request) -> Option<&str> {
    request
        .agent
        .strip_prefix("windlass/")?
        .split_once(" (")?
        .1
        .strip_suffix(')')
}

/// A shard was a replica's, between these times.
#[derive(Debug)]
struct Tenure {
    id: String,
    from: String,
    to: Option<String>,
}

/// Of every shard, by who wrote its Lease: whoever doesn't hold it takes it, and whoever does frees it.
fn tenures(requests: &[Request]) -> BTreeMap<u16, Vec<Tenure>> {
    let mut tenures: BTreeMap<u16, Vec<Tenure>> = BTreeMap::new();
    let mut writes: Vec<&Request> = requests
        .iter()
        .filter(|request| request.resource == "coordination.k8s.io/leases" && request.status < 300)
        .filter(|request| matches!(request.verb.as_str(), "create" | "update"))
        .collect();
    writes.sort_by(|a, b| a.answered.cmp(&b.answered));
    for request in writes {
        // A name is given in the path of an update, and in the body of what is made.
        let Some(shard) = request.name.strip_prefix("windlass-shard-") else {
            continue;
        };
        let of = tenures.entry(shard.parse().unwrap()).or_default();
        let id = id_of(request).unwrap().to_owned();
        let last = of.last_mut().filter(|last| last.to.is_none());
        let was_its = last.as_ref().is_some_and(|last| last.id == id);
        if let Some(last) = last {
            last.to = Some(request.received.clone());
        }
        if !was_its {
            of.push(Tenure {
                id,
                from: request.received.clone(),
                to: None,
            });
        }
    }
    tenures
}

#[test]
fn a_killed_a_paused_and_a_cut_off_replica_lose_nothing_and_write_nothing_late() {
    let mut three = Three::new();

    // Killed: its Apps are another's soon.
    let (killed, _) = three.keeper();
    drop(three.replicas.remove(killed));
    let since = Instant::now();
    three.write("1");
    three.applied("1");
    assert!(since.elapsed() < MOVED, "{:?} after a kill", since.elapsed());
    three.settled(2);
    three.begin(["one", "two", "three"][killed]);
    three.settled(3);

    // Paused for longer than its Lease lasts, and woken: it begins anew, and writes nothing in its old name.
    three.kept();
    let (paused, id) = three.keeper();
    three.replicas[paused].running.signal(Signal::STOP);
    let since = Instant::now();
    three.write("2");
    three.applied("2");
    assert!(since.elapsed() < MOVED, "{:?} after a pause", since.elapsed());
    three.take_requests();
    three.replicas[paused].running.signal(Signal::CONT);
    soon("it is another replica by now", || {
        let leases = three.leases("replica");
        let is_old = |lease: &Value| lease["spec"]["holderIdentity"] == json!(id);
        Ok(leases.len() == 3 && !leases.iter().any(is_old))
    });
    three.settled(3);
    let late = three.site.requests();
    let is_late = |request: &&Request| {
        id_of(request) == Some(&id)
            && !matches!(request.verb.as_str(), "get" | "list" | "watch")
            && request.status < 400
    };
    let late_writes: Vec<&Request> = late.iter().filter(is_late).collect();
    assert!(late_writes.is_empty(), "{late_writes:?}");
    three.requests.extend(late);

    // Cut off from the API server, though not from git.
    three.kept();
    let (cut, _) = three.keeper();
    three.replicas[cut].proxy.down();
    let since = Instant::now();
    three.write("3");
    three.applied("3");
    assert!(since.elapsed() < MOVED, "{:?} after a partition", since.elapsed());
    three.replicas[cut].proxy.up();
    three.settled(3);
    three.write("4");
    three.applied("4");
    for team in TEAMS {
        three.site.ready(team, "app");
    }

    let writes = three.prove();
    assert!(
        writes > TEAMS.len() * three.commits,
        "{writes} writes are not all that were made"
    );
    for team in TEAMS {
        let writes = three.writes_of(team);
        // An App that goes to another replica may be applied once more: the same again, which changes nothing.
        let most = three.commits + HANDED_OVER;
        assert!(
            (three.commits..=most).contains(&writes.len()),
            "writes of {team}'s object: {writes:#?}"
        );
    }
}

#[test]
fn who_leaves_in_order_is_followed_at_once() {
    let mut three = Three::new();
    let (leaves, _) = three.keeper();
    let replica = three.replicas.remove(leaves);
    let took = replica.running.terminated();
    assert!(took < Duration::from_secs(5), "{took:?} to end");
    let since = Instant::now();
    three.write("1");
    three.applied("1");
    // The Lease of who is gone without a word would still be valid.
    assert!(since.elapsed() < Duration::from_secs(8), "{:?}", since.elapsed());
    three.settled(2);
    three.prove();
}
