//! The session without a worker: what a compromised one could ask and tell.

use std::collections::{BTreeMap, BTreeSet};

use windlass_core::{
    oid::Oid,
    render::{AppNames, Diagnostic, Format, Instant, Location},
    tree::{ObjectStore, StoreError, StoredEntry},
};

use super::*;
use crate::{
    entropy::EntropyKey,
    fair::Tenant,
    protocol::{Assessment, HttpError, HttpRequest, Level, LogLine, Notified, ObjectHead},
    request::{AssessRequest, InputObject, NotifyRequest, ValidateRequest},
};

/// A store that has nothing: every question about a tree fails as a damaged mirror does.
struct Broken;

impl ObjectStore for Broken {
    fn tree(&self, oid: &Oid) -> Result<Arc<[StoredEntry]>, StoreError> {
        Err(StoreError {
            oid: *oid,
            source: "damaged".into(),
        })
    }

    fn size(&self, oid: &Oid) -> Result<u64, StoreError> {
        Err(StoreError {
            oid: *oid,
            source: "damaged".into(),
        })
    }

    fn blob(&self, oid: &Oid) -> Result<Arc<[u8]>, StoreError> {
        Err(StoreError {
            oid: *oid,
            source: "damaged".into(),
        })
    }
}

fn request() -> RenderRequest {
    RenderRequest {
        tenant: Tenant::new("shop"),
        tree: Tree::new("", Oid::from_bytes(&[1; 20]).unwrap(), Arc::new(Broken)),
        path: String::new(),
        config: "{}".into(),
        app: AppNames::default(),
        now: Instant::default(),
        kube_version: "v1.37.0".into(),
        apis: Arc::new(BTreeSet::from(["v1".to_owned()])),
        input: None,
        sources: BTreeMap::new(),
        entropy: EntropyKey::new([7; 32]),
    }
}

fn emit(content: usize) -> (Tell, Vec<u8>) {
    let head = DocumentHead {
        format: Format::Yaml,
        origin: None,
        lines: Vec::new(),
        attributes: Vec::new(),
    };
    (Tell::Emit(Json(head)), vec![b'x'; content])
}

fn budget(stop: Stop) -> BudgetKind {
    match stop {
        Stop::Budget(budget) => budget.kind,
        Stop::Host(failure) => panic!("{failure:?}"),
    }
}

#[test]
fn a_damaged_store_ends_the_call_with_the_engines_blame() {
    let request = request();
    let mut session = Session::new(&request, CallLimits::default());
    let stop = session
        .answer(Ask::Stat {
            tree: String::new(),
            path: "a".into(),
        })
        .unwrap_err();
    let Stop::Host(failure) = stop else { panic!("{stop:?}") };
    assert_eq!(failure.blame(), crate::Blame::Engine);
    assert!(session.finish().trace.facts().is_empty());
}

#[test]
fn the_engine_counts_what_a_worker_could_hide() {
    let request = request();
    let limits = CallLimits {
        output_bytes: 1000,
        documents: 2,
        asks: 3,
        read_bytes: 600,
        diagnostics: 1,
        log_bytes: 50,
        ..CallLimits::default()
    };
    let mut session = Session::new(&request, limits);
    let (tell, body) = emit(1001);
    assert_eq!(budget(session.take(tell, body).unwrap_err()), BudgetKind::Output);
    let mut session = Session::new(&request, limits);
    for _ in 0..2 {
        let (tell, body) = emit(1);
        session.take(tell, body).unwrap();
    }
    let (tell, body) = emit(1);
    assert_eq!(budget(session.take(tell, body).unwrap_err()), BudgetKind::Documents);
    session.answer(Ask::Entropy { fork: None }).unwrap();
    assert_eq!(
        budget(session.answer(Ask::Entropy { fork: None }).unwrap_err()),
        BudgetKind::Read
    );
    session.answer(Ask::HasApi { name: "v1".into() }).unwrap_err();
    assert_eq!(budget(session.answer(Ask::Path).unwrap_err()), BudgetKind::Asks);
    for _ in 0..5 {
        let line = LogLine {
            level: Level::Info,
            message: "12345678".into(),
            fields: Vec::new(),
        };
        session.take(Tell::Log(line), Vec::new()).unwrap();
        let finding = Diagnostic::error("x", "x", Location::None);
        session.take(Tell::Report(Json(finding)), Vec::new()).unwrap();
    }
    let recorded = session.finish();
    assert_eq!((recorded.log.len(), recorded.output.diagnostics.len()), (1, 1));
}

#[test]
fn labels_and_chunks_have_bounds() {
    let request = request();
    let mut session = Session::new(&request, CallLimits::default());
    let long = Ask::Entropy {
        fork: Some("l".repeat(limits::LABEL_BYTES + 1)),
    };
    assert_eq!(budget(session.answer(long).unwrap_err()), BudgetKind::Label);
    let big = Ask::Read {
        tree: String::new(),
        path: "a".into(),
        offset: 0,
        max: tree::READ_BYTES + 1,
    };
    let (answer, _) = session.answer(big).unwrap();
    assert_eq!(answer, Answer::Refused(Refusal::TooLarge(tree::READ_BYTES.into())));
}

#[test]
fn the_first_draw_is_a_fact_and_its_key_is_not_in_it() {
    let request = request();
    let mut session = Session::new(&request, CallLimits::default());
    session.answer(Ask::Entropy { fork: Some("a".into()) }).unwrap();
    session.answer(Ask::Entropy { fork: None }).unwrap();
    let trace = session.finish().trace;
    assert_eq!(trace.facts().len(), 1);
    assert_eq!(trace.facts()[0].query, Query::Entropy);
    assert_eq!(trace.facts()[0].answer, request.entropy.fact());
}

#[test]
fn findings_have_a_budget_of_bytes_that_the_engine_counts() {
    let request = request();
    let mut session = Session::new(&request, CallLimits::default());
    for _ in 0..9 {
        let finding = Diagnostic::error("x", "x".repeat(200_000), Location::None);
        session.take(Tell::Report(Json(finding)), Vec::new()).unwrap();
    }
    let recorded = session.finish();
    assert_eq!(
        (recorded.output.diagnostics.len(), recorded.counts.dropped_diagnostics),
        (5, 4)
    );
}

#[test]
fn a_validator_has_few_questions_and_no_documents() {
    let request = ValidateRequest {
        tenant: Tenant::new("shop"),
        config: "{}".into(),
        objects: Arc::default(),
        previous: None,
        kube_version: "v1.37.0".into(),
    };
    let mut session = CheckSession::new(&request, CallLimits::default());
    assert_eq!(
        session.answer(Ask::KubeVersion).unwrap().0,
        Answer::Text("v1.37.0".into())
    );
    let broke = |stop: Stop| matches!(stop, Stop::Host(HostFailure::Protocol { .. }));
    for ask in [Ask::Path, Ask::Entropy { fork: None }, Ask::Set { set: SetName::Input }] {
        assert!(broke(session.answer(ask).unwrap_err()));
    }
    let (tell, body) = emit(1);
    assert!(broke(session.take(tell, body).unwrap_err()));
}

/// A network that nobody reaches.
#[derive(Debug)]
struct Nowhere;

impl crate::http::Sender for Nowhere {
    fn resolve(&self, _: &str, _: std::time::Instant) -> Result<Vec<std::net::IpAddr>, crate::http::Unsent> {
        Err(crate::http::Unsent::Dns)
    }

    fn exchange(
        &self,
        _: &crate::http::Outgoing,
        _: &[std::net::SocketAddr],
        _: std::time::Instant,
    ) -> Result<crate::http::Incoming, crate::http::Unsent> {
        Err(crate::http::Unsent::Connect)
    }
}

fn is_breach(stop: &Stop) -> bool {
    matches!(stop, Stop::Host(HostFailure::Protocol { .. }))
}

#[test]
fn a_notifier_gives_one_answer_and_sends_so_much() {
    let egress = crate::http::Egress {
        secrets: Arc::default(),
        reach: Arc::default(),
        sender: Arc::new(Nowhere),
    };
    let event = NotifyRequest {
        tenant: Tenant::new("shop"),
        config: "{}".into(),
        key: "k".into(),
        kind: "failed".into(),
        at: Instant::default(),
        attempt: 1,
        payload: "{}".into(),
        egress,
    };
    let mut session = NotifySession::new(&event, CallLimits::default());
    assert!(matches!(session.close(), Err(HostFailure::Protocol { .. })));
    assert_eq!(session.answer(Ask::Payload).unwrap().0, Answer::Text("{}".into()));
    for ask in [Ask::Path, Ask::KubeVersion, Ask::Set { set: SetName::Objects }] {
        assert!(is_breach(&session.answer(ask).unwrap_err()));
    }
    let send = || Ask::Send {
        request: HttpRequest {
            method: "POST".into(),
            url: "https://a.test/".into(),
            ..HttpRequest::default()
        },
    };
    for _ in 0..limits::REQUESTS {
        assert_eq!(session.answer(send()).unwrap().0, Answer::Unsent(HttpError::Dns));
    }
    assert_eq!(budget(session.answer(send()).unwrap_err()), BudgetKind::Requests);
    let delivered = || Tell::Notified(Notified::Delivered(None));
    session.take(delivered(), Vec::new()).unwrap();
    session.close().unwrap();
    assert!(is_breach(&session.take(delivered(), Vec::new()).unwrap_err()));
    let (tell, body) = emit(1);
    assert!(is_breach(&session.take(tell, body).unwrap_err()));
    assert_eq!(session.finish().output, Notified::Delivered(None));
}

#[test]
fn a_health_checker_gives_as_many_verdicts_as_there_are_objects() {
    let object = InputObject {
        head: ObjectHead::default(),
        json: "{}".into(),
    };
    let request = AssessRequest {
        tenant: Tenant::new("shop"),
        objects: Arc::new(vec![object; 2]),
    };
    let assessed = |message: &str| {
        let verdict = windlass_core::health::Verdict::new(windlass_core::health::State::Healthy, "", message);
        Tell::Assessed(Json(Assessment { verdict, at: None }))
    };
    let limits = CallLimits {
        output_bytes: 1000,
        ..CallLimits::default()
    };
    let mut session = AssessSession::new(&request, limits);
    assert!(is_breach(&session.answer(Ask::Config).unwrap_err()));
    session.take(assessed("a"), Vec::new()).unwrap();
    assert!(matches!(session.close(), Err(HostFailure::Misuse { .. })));
    assert_eq!(
        budget(session.take(assessed(&"m".repeat(2000)), Vec::new()).unwrap_err()),
        BudgetKind::Output
    );
    let mut session = AssessSession::new(&request, limits);
    (0..2).for_each(|_| session.take(assessed("a"), Vec::new()).unwrap());
    session.close().unwrap();
    let stop = session.take(assessed("a"), Vec::new()).unwrap_err();
    assert!(matches!(stop, Stop::Host(HostFailure::Misuse { .. })));
    assert!(is_breach(
        &session
            .take(Tell::Notified(Notified::Retry(None)), Vec::new())
            .unwrap_err()
    ));
}
