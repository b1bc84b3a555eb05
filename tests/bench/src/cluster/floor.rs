//! The floor: the same objects, written by a client that does nothing else.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Instant,
};

use windlass_tests::cluster::{Client, Cluster, Content, Session};

use super::{
    IN_FLIGHT,
    shop::{self, Placed},
};

/// Applies the objects of so many apps on the server's side, into fresh namespaces; in seconds.
pub(super) fn write(cluster: &Cluster, apps: usize) -> f64 {
    let namespaces = shop::namespaces(cluster, "floor", apps);
    let objects: Vec<Placed> = (0..apps)
        .flat_map(|app| shop::objects(&namespaces[shop::namespace_of(app)], app, "first"))
        .collect();
    let (client, next) = (cluster.client(), AtomicUsize::new(0));
    let begun = Instant::now();
    thread::scope(|scope| {
        for _ in 0..IN_FLIGHT {
            scope.spawn(|| some(&client, &objects, &next));
        }
    });
    begun.elapsed().as_secs_f64()
}

/// Takes object after object, over one connection.
fn some(client: &Client, objects: &[Placed], next: &AtomicUsize) {
    let mut session = Session::open(client).expect("a connection");
    while let Some(object) = objects.get(next.fetch_add(1, Ordering::Relaxed)) {
        let target = format!("{}?fieldManager=bare&force=true", object.path());
        let content = Content {
            kind: "application/apply-patch+yaml",
            value: &object.value,
        };
        let answer = session.send("PATCH", &target, Some(content)).expect("an answer");
        assert!(
            matches!(answer.status, 200 | 201),
            "{target}: {}: {}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        );
    }
}
