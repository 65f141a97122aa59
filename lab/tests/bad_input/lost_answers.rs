//! Joining over a line that loses the answer: the code was taken, and nobody at the office knows.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use suar_lab::programs::{Agent, Collector, free_address, wait_until};

use super::SITE;

/// Passes handshakes and requests on, and of what the collector answers nothing while it swallows.
struct Line {
    swallows: Arc<AtomicBool>,
    agents: Arc<Mutex<Vec<TcpStream>>>,
}

impl Line {
    fn start(listen: &str, to: &str) -> Self {
        let listener = TcpListener::bind(listen).expect("a free port");
        let line = Self { swallows: Arc::new(AtomicBool::new(true)), agents: Arc::default() };
        let (swallows, agents, to) = (Arc::clone(&line.swallows), Arc::clone(&line.agents), to.to_owned());
        std::thread::spawn(move || {
            for agent in listener.incoming().flatten() {
                agents.lock().expect("nobody panics").push(agent.try_clone().expect("a socket"));
                let (swallows, to) = (Arc::clone(&swallows), to.clone());
                std::thread::spawn(move || carry(&agent, &to, &swallows));
            }
        });
        line
    }

    /// Ends what is open, and lets through what comes from now on.
    fn cut(&self) {
        self.swallows.store(false, Ordering::SeqCst);
        for agent in self.agents.lock().expect("nobody panics").drain(..) {
            let _ = agent.shutdown(Shutdown::Both);
        }
    }
}

/// The agent's second flight ends the handshake: what comes back after that is for its request.
fn carry(agent: &TcpStream, to: &str, swallows: &AtomicBool) {
    let Ok(collector) = TcpStream::connect(to) else { return };
    let (answered, asked) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            copy(agent, &collector, || {
                asked.fetch_or(answered.load(Ordering::SeqCst), Ordering::SeqCst);
                true
            });
            let _ = collector.shutdown(Shutdown::Both);
        });
        copy(&collector, agent, || {
            answered.store(true, Ordering::SeqCst);
            !(asked.load(Ordering::SeqCst) && swallows.load(Ordering::SeqCst))
        });
        let _ = agent.shutdown(Shutdown::Both);
    });
}

/// Until one side hangs up.
fn copy(mut from: &TcpStream, mut to: &TcpStream, mut passes: impl FnMut() -> bool) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if passes() && to.write_all(&buffer[..read]).is_err() {
            return;
        }
    }
}

#[test]
fn a_code_whose_answer_was_lost_is_good_again_on_the_same_machine_and_used_up_on_another() {
    let directory = tempfile::tempdir().expect("a directory");
    let (address, line) = (free_address().expect("free ports"), free_address().expect("free ports"));
    let mut collector = Collector::init(None, directory.path(), &address, "").expect("a data directory");
    let config = std::fs::read_to_string(collector.config()).expect("a configuration");
    let public = |address: &str| format!("public_address = {address:?}");
    std::fs::write(collector.config(), config.replace(&public(&address), &public(&line))).expect("written");
    collector.serve().expect("it serves");
    collector.add_site(SITE).expect("the site is added");
    let code = collector.join_code(SITE, &["--uses", "1"]).expect("a code");
    let line = Line::start(&line, &address);

    let mut office = Agent::new(None, directory.path(), "office").expect("an agent");
    let another = Agent::new(None, directory.path(), "another").expect("an agent");
    let agents = || collector.administer(&["agent", "list"]).expect("it runs").ok().expect("a list");
    let lost = std::thread::scope(|scope| {
        let joining = scope.spawn(|| office.join(&code).expect("it runs"));
        wait_until("the code to be taken", Duration::from_secs(30), || {
            if agents().lines().count() == 2 { Ok(()) } else { Err(agents()) }
        })
        .expect("the request arrives");
        line.cut();
        joining.join().expect("it ends")
    });
    assert_ne!(lost.code, Some(0), "{}", lost.said());
    assert!(lost.said().contains("no answer came back"), "{}", lost.said());
    assert!(
        lost.said().contains("on this machine the same code can be used for another day"),
        "{}",
        lost.said()
    );
    let first = agents();

    let refused = another.join(&code).expect("it runs");
    assert!(refused.said().contains("has been used"), "{}", refused.said());
    office.join(&code).expect("it runs").ok().expect("the same machine asks again");
    assert_eq!(agents(), first, "it is the same agent");
    office.run().expect("it runs");
    wait_until("its records to arrive", Duration::from_secs(120), || {
        let status = office.status().map_err(|error| format!("{error:#}"))?;
        if status["uplink"]["pushes_ok"].as_u64() > Some(0) { Ok(()) } else { Err(status.to_string()) }
    })
    .expect("records arrive by the token of the second answer");
    office.stop().expect("it stops");
}
