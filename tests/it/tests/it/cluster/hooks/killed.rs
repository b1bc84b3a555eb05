//! Kills the process after every request and every write of an inventory while hooks run, and runs it again: each hook was made once.

use std::os::unix::process::ExitStatusExt as _;

use serde_json::json;

use super::{
    super::bed::{Bed, map},
    job,
};

/// More points than a cycle has: the sweep must end before.
const BOUND: u32 = 150;

fn bed() -> Bed {
    let bed = Bed::new("hook-kill", "");
    bed.commit(&[
        ("pre", job("pre", json!({"helm.sh/hook": "pre-install"}))),
        (
            "post",
            job(
                "post",
                json!({"helm.sh/hook": "post-install", "helm.sh/hook-delete-policy": "hook-succeeded"}),
            ),
        ),
        ("map", map("map", "1")),
    ]);
    bed
}

#[test]
fn a_kill_neither_repeats_a_hook_nor_loses_one() {
    for point in 1..BOUND {
        let bed = bed();
        let mut log = bed.server.audit().unwrap();
        let mut command = bed.sandbox.command(&["sync", "windlass.yaml", "-o", "json"]);
        let killed = command.env("WINDLASS_FAULT", point.to_string()).output().unwrap();
        let name = String::from_utf8_lossy(&killed.stderr).trim().to_owned();
        let is_over = killed.status.signal().is_none();
        if !is_over {
            assert_eq!(killed.status.signal(), Some(9), "{name}");
            bed.synced();
        }
        let all = log.requests().unwrap();
        let made = |job: &str| {
            let is_it = |request: &&windlass_tests::cluster::Request| {
                request.namespace == bed.namespace && request.resource.ends_with("jobs") && request.name == job
            };
            let made = all.iter().filter(is_it).filter(|request| request.status == 201);
            made.count()
        };
        assert_eq!((made("pre"), made("post")), (1, 1), "{name}");
        assert!(bed.is_there(&bed.map_path("map")), "{name}");
        super::soon("only what is kept is there", || Ok(bed.jobs() == ["pre"]));
        if is_over {
            assert!(point > 20, "{point}: every write and request is a point");
            return;
        }
    }
    panic!("the sweep does not end");
}
