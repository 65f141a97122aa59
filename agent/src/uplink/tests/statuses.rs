//! Single pushes: what each kind of answer does to the records.

use suar_wire::PlanFault;

use super::*;

#[tokio::test]
async fn a_push_carries_identity_clock_and_records_and_is_forgotten_on_its_receipt() {
    let server = Server::honest().await;
    let mut office = Office::new(&server);
    office.append(60);
    let pushed = office.uplink.push_once().await.unwrap();
    assert_eq!((pushed.sent, pushed.acknowledged, pushed.oldest_pending), (60, 60, None));
    assert!(office.pending().is_empty());
    let request = server.requests().remove(0);
    assert!(request.is("post /v1/push http/1.1"), "{}", request.head);
    for line in [
        "authorization: bearer correct-horse\r\n",
        "content-type: application/vnd.suar.push\r\n",
        "content-encoding: zstd\r\n",
    ] {
        assert!(request.head.contains(line), "{line:?} is not in {}", request.head);
    }
    let push = request.push.unwrap();
    assert_eq!((push.agent, push.epoch, push.plan_version), (AgentId([5; 16]), Epoch([9; 8]), 1));
    assert_eq!((push.clock.boot_ms, push.clock.last_exchange_ms), (60_000, None));
    let state = office.uplink.state().borrow().clone();
    assert_eq!((state.pushes_ok, state.pushes_failed, state.last_error), (1, 0, None));
    assert_eq!(state.last_receipt_wall_ms, Some(stamp().wall_ms));
    let offset = state.clock_offset_ms.unwrap();
    assert!((1000..60_000).contains(&offset), "our clock is a second ahead: {offset}");
}

#[tokio::test]
async fn a_session_first_sets_the_clocks_and_then_sends_records() {
    let server = Server::honest().await;
    let mut office = Office::new(&server);
    office.uplink.met = false;
    for _ in 0..2 {
        office.append(2);
        office.uplink.push_once().await.unwrap();
    }
    let pushes: Vec<_> = server.requests().into_iter().map(|request| request.push.unwrap()).collect();
    let records: Vec<usize> = pushes.iter().map(|push| push.records.len()).collect();
    assert_eq!(records, [0, 2, 2]);
    let told: Vec<bool> = pushes.iter().map(|push| push.clock.last_exchange_ms.is_some()).collect();
    assert_eq!(told, [false, false, true], "opening the connection is no exchange to judge clocks by");
}

#[tokio::test]
async fn pushes_go_over_one_connection_and_an_empty_one_still_says_that_the_agent_is_there() {
    let server = Server::honest().await;
    let mut office = Office::new(&server);
    for count in [2, 0, 1] {
        office.append(count);
        assert_eq!(office.uplink.push_once().await.unwrap().sent as u64, count);
    }
    let requests = server.requests();
    assert_eq!(requests.iter().map(|request| request.connection).collect::<Vec<_>>(), [0, 0, 0]);
    assert!(requests[2].push.as_ref().unwrap().clock.last_exchange_ms.is_some());
}

#[tokio::test]
async fn a_connection_that_the_collector_closed_meanwhile_costs_no_failure() {
    let server = Server::start(|request| Reply::ReceiptAndClose(request.receipt())).await;
    let mut office = Office::new(&server);
    for _ in 0..5 {
        office.append(1);
        office.uplink.push_once().await.unwrap();
    }
    let connections: Vec<_> = server.requests().iter().map(|request| request.connection).collect();
    assert_eq!(connections, [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn a_lost_receipt_means_the_same_records_again() {
    let mut lost = false;
    let server = Server::start(move |request| {
        if std::mem::replace(&mut lost, true) { Reply::Receipt(request.receipt()) } else { Reply::Close }
    })
    .await;
    let mut office = Office::new(&server);
    office.append(3);
    let failure = office.uplink.push_once().await.unwrap_err();
    assert!(matches!(failure, PushFailure::Unreachable(_)), "{failure:?}");
    assert_eq!(office.pending(), [1, 2, 3]);
    office.append(1);
    office.uplink.push_once().await.unwrap();
    assert_eq!(server.pushes(), [vec![1, 2, 3], vec![1, 2, 3, 4]]);
    assert!(office.pending().is_empty());
}

#[tokio::test]
async fn a_receipt_for_records_that_were_never_sent_forgets_none_of_them() {
    let server = Server::start(|request| {
        Reply::Receipt(Receipt { acknowledged: vec![(0, u64::MAX)], ..request.receipt() })
    })
    .await;
    let mut office = Office::new(&server);
    office.append(10);
    office.uplink.records_max = 3;
    let pushed = office.uplink.push_once().await.unwrap();
    assert_eq!((pushed.acknowledged, pushed.oldest_pending), (3, Some(1)));
    assert_eq!(office.pending(), (1..=7).collect::<Vec<_>>());
}

#[tokio::test]
async fn rubbish_in_place_of_a_receipt_forgets_nothing() {
    let mut answers = vec![
        vec![],
        b"<html>Login</html>".to_vec(),
        vec![0xff; 300 * 1024],
        Receipt { acknowledged: vec![], refused: vec![], server_ms: 1, plan_version: 1 }.encode(),
    ];
    let count = answers.len();
    let server = Server::start(move |_| Reply::Answer(200, "", answers.remove(0))).await;
    let mut office = Office::new(&server);
    office.append(2);
    for _ in 0..count {
        let failure = office.uplink.push_once().await.unwrap_err();
        assert!(matches!(failure, PushFailure::Answer(_)), "{failure:?}");
        assert_eq!(office.pending(), [1, 2]);
    }
    assert_eq!(office.uplink.state().borrow().pushes_failed, count as u64);
}

#[tokio::test]
async fn a_push_that_is_too_large_is_halved_until_it_goes_through() {
    let server = Server::start(|request| match request.sequences().len() {
        0..=3 => Reply::Receipt(request.receipt()),
        _ => Reply::Answer(413, "", vec![]),
    })
    .await;
    let mut office = Office::new(&server);
    office.append(14);
    office.uplink.push_once().await.unwrap();
    let sizes: Vec<_> = server.pushes().iter().map(Vec::len).collect();
    assert_eq!(sizes, [14, 7, 3]);
    assert_eq!(server.pushes()[2], [12, 13, 14], "the newest go first");
}

#[tokio::test]
async fn one_record_that_the_collector_cannot_take_does_not_hold_up_the_others() {
    let server = Server::start(|request| {
        if request.sequences().contains(&5) {
            Reply::Answer(400, "", b"no".to_vec())
        } else {
            Reply::Receipt(request.receipt())
        }
    })
    .await;
    let mut office = Office::new(&server);
    office.append(9);
    for _ in 0..20 {
        if office.pending().is_empty() {
            break;
        }
        office.uplink.push_once().await.unwrap();
    }
    assert!(office.pending().is_empty());
    assert_eq!(office.uplink.state().borrow().refused_records, 1);
    let mut taken: Vec<_> = server.pushes().into_iter().filter(|push| !push.contains(&5)).flatten().collect();
    taken.sort_unstable();
    assert_eq!(taken, [1, 2, 3, 4, 6, 7, 8, 9]);
}

#[tokio::test]
async fn a_collector_that_takes_nothing_at_all_costs_no_record() {
    let server = Server::start(|_| Reply::Answer(400, "", vec![])).await;
    let mut office = Office::new(&server);
    office.append(9);
    for _ in 0..5 {
        assert_eq!(office.uplink.push_once().await, Err(PushFailure::Malformed));
    }
    assert_eq!(office.pending().len(), 9);
    assert!(server.requests().len() < 20, "{} requests", server.requests().len());
}

#[tokio::test]
async fn records_that_are_refused_for_good_are_forgotten_and_counted() {
    let server = Server::start(|request| {
        let refused = vec![Refusal { sequence: 2, reason: RefusalReason::SlotTaken }];
        Reply::Receipt(Receipt { refused, ..request.receipt() })
    })
    .await;
    let mut office = Office::new(&server);
    office.append(3);
    assert_eq!(office.uplink.push_once().await.unwrap().refused, 1);
    assert!(office.pending().is_empty());
    assert_eq!(office.uplink.state().borrow().refused_records, 1);
}

#[tokio::test]
async fn a_payload_that_is_no_record_is_given_up() {
    let server = Server::honest().await;
    let mut office = Office::new(&server);
    office.spool.lock().unwrap().append(b"rubbish").unwrap();
    office.append(1);
    office.uplink.push_once().await.unwrap();
    assert_eq!((server.pushes(), office.pending()), (vec![vec![2]], vec![]));
    assert_eq!(office.uplink.state().borrow().refused_records, 1);
}

#[tokio::test]
async fn statuses_are_told_apart() {
    let mut answers = vec![
        Reply::Answer(429, "retry-after: 7\r\n", vec![]),
        Reply::Answer(503, "retry-after: Fri, 31 Dec 1999 23:59:59 GMT\r\n", vec![]),
        Reply::Answer(500, "", b"oops".to_vec()),
        Reply::Answer(401, "", vec![]),
        Reply::Answer(403, "", vec![]),
        Reply::Answer(302, "location: https://elsewhere.invalid/\r\n", vec![]),
        Reply::Answer(404, "", vec![]),
    ];
    let count = answers.len();
    let server =
        Server::start(
            move |request| {
                if answers.is_empty() { Reply::Receipt(request.receipt()) } else { answers.remove(0) }
            },
        )
        .await;
    let mut office = Office::new(&server);
    office.append(1);
    let mut failures = Vec::new();
    let mut revoked = Vec::new();
    for _ in 0..count {
        failures.push(office.uplink.push_once().await.unwrap_err());
        revoked.push(office.uplink.state().borrow().revoked);
    }
    assert_eq!(
        failures,
        [
            PushFailure::Later { status: 429, after_s: Some(7) },
            PushFailure::Later { status: 503, after_s: None },
            PushFailure::Later { status: 500, after_s: None },
            PushFailure::Unauthorized { status: 401 },
            PushFailure::Unauthorized { status: 403 },
            PushFailure::Answer("status 302".to_owned()),
            PushFailure::Answer("status 404".to_owned()),
        ]
    );
    assert_eq!(revoked, [false, false, false, true, true, false, false]);
    assert_eq!(office.pending(), [1]);
    office.uplink.push_once().await.unwrap();
    assert!(office.pending().is_empty());
}

#[tokio::test]
async fn another_certificate_is_told_apart_from_no_answer() {
    let server = Server::honest().await;
    let mut office = Office::towards(server.address.clone(), [0xee; 16]);
    office.append(1);
    assert_eq!(office.uplink.push_once().await, Err(PushFailure::WrongCertificate));
    assert!(server.requests().is_empty(), "nothing is said to a stranger");
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut office = Office::towards(free.to_string(), server.fingerprint);
    let failure = office.uplink.push_once().await.unwrap_err();
    assert!(matches!(&failure, PushFailure::Unreachable(why) if why.contains("refused")), "{failure:?}");
}

#[tokio::test]
async fn a_new_plan_is_fetched_checked_stored_and_told() {
    let mut plans = vec![
        serde_json::to_vec(&Plan { targets: vec![], ..plan(2) }).unwrap(),
        serde_json::to_vec(&plan(2)).unwrap(),
    ];
    let server = Server::start(move |request| {
        if request.is("get /v1/plan") {
            Reply::Answer(200, "", plans.remove(0))
        } else {
            Reply::Receipt(Receipt { plan_version: 2, ..request.receipt() })
        }
    })
    .await;
    let mut office = Office::new(&server);
    let told = office.uplink.plan();
    for _ in 0..3 {
        office.uplink.push_once().await.unwrap();
        assert_eq!(told.borrow().version, 1, "a plan without targets is no plan");
    }
    let refused = office.uplink.state().borrow().refused_plan.clone().expect("told to the agent");
    assert_eq!((refused.version, refused.fault), (2, PlanFault::Mistakes));
    assert!(refused.reason.contains("targets"), "{refused:?}");
    let plan_requests = || server.requests().into_iter().filter(|request| request.is("get /v1/plan"));
    assert_eq!(plan_requests().count(), 1, "a bad plan is not asked for at every push");
    assert!(plan_requests().all(|request| request.head.contains("authorization: bearer correct-horse")));
    office.uplink.plan_due = Instant::now();
    office.uplink.push_once().await.unwrap();
    assert_eq!(*told.borrow(), plan(2));
    assert_eq!(identity::read_plan(office.dir.path()).unwrap(), Some(plan(2)));
    office.uplink.push_once().await.unwrap();
    assert_eq!(server.requests().last().unwrap().push.as_ref().unwrap().plan_version, 2);
    assert_eq!(office.uplink.state().borrow().refused_plan, None, "the refusal is over");
}

#[tokio::test]
async fn a_refusal_is_over_when_the_collector_goes_back_to_the_plan_in_force() {
    let mut wanted = vec![2, 1].into_iter();
    let server = Server::start(move |request| {
        if request.is("get /v1/plan") {
            Reply::Answer(200, "", serde_json::to_vec(&Plan { echoes: 0, ..plan(2) }).unwrap())
        } else {
            let plan_version = wanted.next().expect("two pushes");
            Reply::Receipt(Receipt { plan_version, ..request.receipt() })
        }
    })
    .await;
    let mut office = Office::new(&server);
    office.uplink.push_once().await.unwrap();
    assert!(office.uplink.state().borrow().refused_plan.is_some());
    office.uplink.push_once().await.unwrap();
    assert_eq!(office.uplink.state().borrow().refused_plan, None);
    assert_eq!(office.uplink.plan().borrow().version, 1);
}

/// A server whose receipts name plan 3 and whose answers to the question for it are these, one after another.
async fn hands_out(answers: Vec<Reply>) -> Server {
    let mut answers = answers.into_iter();
    Server::start(move |request| {
        if request.is("get /v1/plan") {
            answers.next().expect("asked once more than expected")
        } else {
            Reply::Receipt(Receipt { plan_version: 3, ..request.receipt() })
        }
    })
    .await
}

fn json(plan: &Plan) -> serde_json::Value {
    serde_json::to_value(plan).unwrap()
}

fn answer(plan: &serde_json::Value) -> Reply {
    Reply::Answer(200, "", serde_json::to_vec(plan).unwrap())
}

#[tokio::test]
async fn a_plan_of_a_later_version_is_taken_if_it_can_be_and_refused_with_its_reason_if_not() {
    let mut more = json(&plan(3));
    more["a_key_of_later"] = 7.into();
    let mut other = json(&plan(3));
    other["slot_seconds"] = "as the moon goes".into();
    let server = hands_out(vec![answer(&other), answer(&more)]).await;
    let mut office = Office::new(&server);

    office.uplink.push_once().await.unwrap();
    let refused = office.uplink.state().borrow().refused_plan.clone().expect("told to the agent");
    assert_eq!((refused.version, refused.fault), (3, PlanFault::Unreadable));
    assert!(refused.reason.contains("moon"), "{refused:?}");
    assert_eq!(*office.uplink.plan().borrow(), plan(1));

    office.uplink.plan_due = Instant::now();
    office.uplink.push_once().await.unwrap();
    assert_eq!(*office.uplink.plan().borrow(), plan(3), "a key that is not known is left out");
}

#[tokio::test]
async fn a_plan_that_is_lost_on_the_way_is_no_bad_plan_and_comes_later() {
    let server = hands_out(vec![Reply::Close, answer(&json(&plan(3)))]).await;
    let mut office = Office::new(&server);
    office.uplink.push_once().await.unwrap();
    assert_eq!(*office.uplink.plan().borrow(), plan(1));
    assert_eq!(office.uplink.state().borrow().refused_plan, None);
    office.uplink.plan_due = Instant::now();
    office.uplink.push_once().await.unwrap();
    assert_eq!(*office.uplink.plan().borrow(), plan(3));
}

#[tokio::test]
async fn a_plan_that_a_lost_receipt_named_is_named_by_the_next() {
    let mut pushes = 0;
    let server = Server::start(move |request| {
        if request.is("get /v1/plan") {
            return answer(&json(&plan(3)));
        }
        pushes += 1;
        match pushes {
            1 => Reply::Close,
            _ => Reply::Receipt(Receipt { plan_version: 3, ..request.receipt() }),
        }
    })
    .await;
    let mut office = Office::new(&server);
    assert!(office.uplink.push_once().await.is_err(), "its receipt is lost");
    assert_eq!(*office.uplink.plan().borrow(), plan(1));
    office.uplink.push_once().await.unwrap();
    assert_eq!(*office.uplink.plan().borrow(), plan(3));
    assert_eq!(identity::read_plan(office.dir.path()).unwrap(), Some(plan(3)));
}

#[tokio::test]
async fn of_two_changes_at_once_the_later_one_stays() {
    // The receipt was written before the second change, the plan after it; the next receipt knows both.
    let mut pushes = 0;
    let server = Server::start(move |request| {
        if request.is("get /v1/plan") {
            return answer(&json(&plan(3)));
        }
        pushes += 1;
        Reply::Receipt(Receipt { plan_version: if pushes == 1 { 2 } else { 3 }, ..request.receipt() })
    })
    .await;
    let mut office = Office::new(&server);
    for _ in 0..3 {
        office.uplink.push_once().await.unwrap();
        assert_eq!(*office.uplink.plan().borrow(), plan(3));
    }
    assert_eq!(identity::read_plan(office.dir.path()).unwrap(), Some(plan(3)));
    let asked = server.requests().into_iter().filter(|request| request.is("get /v1/plan"));
    assert_eq!(asked.count(), 1);
}

#[tokio::test]
async fn no_secret_is_in_a_debug_print() {
    let server = Server::honest().await;
    let office = Office::new(&server);
    let printed = format!("{:?} {:?}", office.uplink, office.uplink.client);
    assert!(!printed.contains("horse") && !printed.contains("00ff"), "{printed}");
    assert!(printed.contains("***"));
}
