//! The loop: newest first, backlog after, waits, wakes, and the last push.

use tokio::sync::Notify;

use super::*;

struct Running {
    wake: Arc<Notify>,
    stop: watch::Sender<bool>,
    state: watch::Receiver<UplinkState>,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    fn start(uplink: Uplink) -> Self {
        let (wake, stop, state) = (Arc::new(Notify::new()), watch::Sender::new(false), uplink.state());
        let task = tokio::spawn(uplink.run(Arc::clone(&wake), stop.subscribe()));
        Self { wake, stop, state, task }
    }

    async fn finish(self) {
        self.stop.send_replace(true);
        tokio::time::timeout(Duration::from_secs(30), self.task).await.expect("it stops").unwrap();
    }
}

#[tokio::test]
async fn the_newest_go_first_and_the_backlog_follows_until_nothing_is_left() {
    let server = Server::start(|request| match request.sequences().len() {
        0..=4 => Reply::Receipt(request.receipt()),
        _ => Reply::Answer(413, "", vec![]),
    })
    .await;
    let mut office = Office::new(&server);
    office.append(11);
    office.uplink.records_max = 4;
    office.uplink.plan.send_modify(|plan| plan.push_seconds = 600);
    let running = Running::start(office.uplink);
    running.wake.notify_one();
    let spool = Arc::clone(&office.spool);
    until("everything is receipted", || match pending(&spool) {
        left if left.is_empty() => Ok(()),
        left => Err(left),
    })
    .await;
    let taken: Vec<_> = server.pushes().into_iter().filter(|push| push.len() <= 4).collect();
    assert_eq!(taken[0], [8, 9, 10, 11], "{taken:?}");
    assert_eq!(taken[1..].concat(), (1..=7).collect::<Vec<_>>(), "{taken:?}");
    running.finish().await;
}

#[tokio::test]
async fn a_stop_sends_what_is_there_once_more() {
    let server = Server::honest().await;
    let office = Office::new(&server);
    office.uplink.plan.send_modify(|plan| plan.push_seconds = 86_400);
    let spool = Arc::clone(&office.spool);
    let running = Running::start(office.uplink);
    append(&spool, 2);
    running.finish().await;
    assert_eq!(server.pushes(), [[1, 2]]);
    assert!(pending(&spool).is_empty());
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_collector_that_never_answers() {
    let server = Server::start(|_| Reply::Hang).await;
    let office = Office::new(&server);
    let spool = Arc::clone(&office.spool);
    append(&spool, 1);
    let running = Running::start(office.uplink);
    running.wake.notify_one();
    until("a push is in flight", || match server.requests().len() {
        0 => Err("no request"),
        _ => Ok(()),
    })
    .await;
    running.finish().await;
    assert_eq!(pending(&spool), [1]);
}

#[tokio::test]
async fn retry_after_is_waited_for_even_when_somebody_wakes_the_uplink() {
    let mut asked = false;
    let server = Server::start(move |request| {
        if std::mem::replace(&mut asked, true) {
            Reply::Receipt(request.receipt())
        } else {
            Reply::Answer(429, "retry-after: 2\r\n", vec![])
        }
    })
    .await;
    let office = Office::new(&server);
    let spool = Arc::clone(&office.spool);
    append(&spool, 1);
    let mut running = Running::start(office.uplink);
    running.wake.notify_one();
    running.state.wait_for(|state| state.pushes_failed == 1).await.unwrap();
    running.wake.notify_one();
    let pushed = running.state.wait_for(|state| state.pushes_ok == 1);
    tokio::time::timeout(Duration::from_secs(30), pushed).await.expect("it comes again").unwrap();
    let requests = server.requests();
    let waited = requests[1].at - requests[0].at;
    assert!(waited >= Duration::from_millis(1990), "it waited {waited:?}");
    running.finish().await;
}

#[tokio::test]
async fn a_wake_ends_the_wait_after_a_link_that_was_away() {
    let mut closed = false;
    let server = Server::start(move |request| {
        if std::mem::replace(&mut closed, true) { Reply::Receipt(request.receipt()) } else { Reply::Close }
    })
    .await;
    let office = Office::new(&server);
    office.uplink.plan.send_modify(|plan| plan.push_seconds = 86_400);
    let spool = Arc::clone(&office.spool);
    append(&spool, 1);
    let mut running = Running::start(office.uplink);
    running.wake.notify_one();
    running.state.wait_for(|state| state.pushes_failed == 1).await.unwrap();
    running.wake.notify_one();
    let pushed = running.state.wait_for(|state| state.pushes_ok == 1);
    tokio::time::timeout(Duration::from_secs(30), pushed).await.expect("it comes again").unwrap();
    assert!(pending(&spool).is_empty());
    running.finish().await;
}

#[tokio::test]
async fn pushes_come_by_themselves_every_push_seconds() {
    let server = Server::honest().await;
    let office = Office::new(&server);
    let mut running = Running::start(office.uplink);
    let pushed = running.state.wait_for(|state| state.pushes_ok >= 3);
    tokio::time::timeout(Duration::from_secs(30), pushed).await.expect("it pushes").unwrap();
    let requests = server.requests();
    let pushes: Vec<_> = requests.iter().filter(|request| request.push.is_some()).collect();
    for pair in pushes.windows(2) {
        assert!(pair[1].at - pair[0].at >= Duration::from_millis(890), "not more often than planned");
    }
    running.finish().await;
}
