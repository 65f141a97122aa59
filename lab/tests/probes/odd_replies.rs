//! Replies that come late, twice, in another order, after the process that asked has died, or say
//! "unreachable": each is counted as docs/method.md says, and none is taken for a good one.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use suar_lab::netns::can_run_here;
use suar_lab::programs::{Agent, Collector, rounds_of, wait_until};
use suar_lab::seed::printed_seed;
use suar_lab::wan::{Conditions, Direction};
use suar_lab::world::{COLLECTOR, Office, TARGETS, World, plan_section, until_wall_ms, wall_ms};
use suar_wire::record::Round;
use suar_wire::{Cause, Echo, EchoError, EchoMethod, Verdict};

const SITE: &str = "19.02.02.2009";
/// How long the lines are odd, and the rounds that lie wholly inside it.
const ODD_MS: i64 = 12_000;
/// Longest time on the way to the far end.
const UNDER_WAY_MS: i64 = 4_000;
const SETTLE_MAX: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Odd {
    Twice,
    /// After 3.4 s.
    Late,
    /// After 7 s, when nobody waits any more.
    TooLate,
    Overtaking,
    /// The router answers "host unreachable" to a program that hears all ICMP, and to one that hears its own.
    UnreachableRaw,
    Unreachable,
    /// 2.5 s on the way, and the agent is killed and started again.
    StaleRaw,
    Stale,
}

const ALL: [Odd; 8] = [
    Odd::Twice,
    Odd::Late,
    Odd::TooLate,
    Odd::Overtaking,
    Odd::UnreachableRaw,
    Odd::Unreachable,
    Odd::StaleRaw,
    Odd::Stale,
];

impl Odd {
    fn prepare(self, office: &Office) -> Result<()> {
        match self {
            // As a system has it by default: then only a raw socket is left, which hears everything.
            Self::UnreachableRaw | Self::StaleRaw => {
                office.pc.write_sysctl("net/ipv4/ping_group_range", "1 0")
            }
            _ => Ok(()),
        }
    }

    fn begin(self, office: &Office) -> Result<()> {
        let set = |delay_ms, more: fn(&mut Conditions)| {
            let mut conditions = Conditions::delayed(Duration::from_millis(delay_ms));
            office.uplink.set(Direction::Up, conditions.clone());
            more(&mut conditions);
            office.uplink.set(Direction::Down, conditions);
        };
        match self {
            Self::Twice => set(10, |down| down.duplicated = 1.0),
            Self::Late => set(1_700, |_| {}),
            Self::TooLate => set(3_500, |_| {}),
            Self::Overtaking => set(100, |down| down.reordered = 0.3),
            Self::StaleRaw | Self::Stale => set(1_250, |_| {}),
            Self::UnreachableRaw | Self::Unreachable => {
                // Two limits draw on one account of the kernel's: with both, it falls silent after the first few.
                office.router.write_sysctl("net/ipv4/icmp_ratelimit", "0")?;
                for target in TARGETS {
                    office.router.ip(&["route", "add", "unreachable", &format!("{target}/32")])?;
                }
            }
        }
        Ok(())
    }

    fn check(self, rounds: &[Round]) {
        let echoes: Vec<&Echo> = rounds
            .iter()
            .flat_map(|round| &round.echoes)
            .filter(|echo| echo.method == EchoMethod::Icmp)
            .collect();
        let sum = |count: fn(&Echo) -> u8| echoes.iter().map(|echo| u32::from(count(echo))).sum::<u32>();
        let (sent, received) = (sum(|echo| echo.sent), sum(Echo::received));
        let (late, duplicates) = (sum(|echo| echo.late), sum(|echo| echo.duplicates));
        let rtt_ms: Vec<u32> =
            echoes.iter().flat_map(|echo| &echo.rtt_us).map(|rtt_us| rtt_us / 1_000).collect();
        let counted = format!("{self:?}: sent {sent}, received {received}, late {late}, twice {duplicates}");
        println!("{counted}");
        assert!(sent >= 15, "{counted}");
        let verdicts: Vec<Verdict> = rounds.iter().map(|round| round.verdict).collect();
        let all = |verdict| verdicts.iter().all(|found| *found == verdict);
        match self {
            Self::Twice => {
                assert_eq!((received, late), (sent, 0), "{counted}");
                // The copy of a round's last reply may come when the round is over.
                assert!(duplicates * 3 >= sent * 2 && duplicates <= sent, "{counted}");
                assert!(rtt_ms.iter().all(|rtt| (20..40).contains(rtt)), "{rtt_ms:?}");
            }
            Self::Late => {
                assert_eq!((received, late, duplicates), (0, sent, 0), "{counted}");
                assert!(all(Verdict::Down(Cause::Internet)), "{verdicts:?}");
            }
            Self::TooLate => {
                assert_eq!((received, late, duplicates), (0, 0, 0), "{counted}");
                assert!(all(Verdict::Down(Cause::Internet)), "{verdicts:?}");
            }
            Self::Overtaking => {
                assert_eq!((received, late, duplicates), (sent, 0, 0), "{counted}");
                let overtook = rtt_ms.iter().filter(|rtt| (100..150).contains(*rtt)).count();
                let kept_place = rtt_ms.iter().filter(|rtt| (200..250).contains(*rtt)).count();
                assert!(overtook > 0 && overtook + kept_place == rtt_ms.len(), "{rtt_ms:?}");
            }
            Self::UnreachableRaw => {
                assert_eq!((received, late), (0, 0), "{counted}");
                // Routers say it once a second, whoever asks.
                let told = rounds.iter().filter(|round| {
                    round.echoes.iter().any(|echo| echo.error == Some(EchoError::Unreachable))
                });
                assert!(told.count() * 2 >= rounds.len(), "{echoes:?}");
            }
            // The kernel keeps the router's word from a socket that hears only its own replies.
            Self::Unreachable => assert_eq!((received, late), (0, 0), "{counted}"),
            Self::StaleRaw | Self::Stale => {
                assert!(received * 10 >= sent * 9, "{counted}");
                assert!(rtt_ms.iter().all(|rtt| (2_500..2_600).contains(rtt)), "{counted} {rtt_ms:?}");
            }
        }
    }
}

#[test]
fn odd_replies_are_counted_as_what_they_are() {
    if !can_run_here("odd replies") {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    for (odd, rounds) in run(directory.path()).unwrap_or_else(|error| panic!("did not run: {error:#}")) {
        odd.check(&rounds);
    }
}

fn run(directory: &Path) -> Result<Vec<(Odd, Vec<Round>)>> {
    let world = World::with_offices(ALL.len() as u8, &Conditions::default(), printed_seed("odd replies"))?;
    let plan = plan_section("slot_seconds = 1\nechoes = 3\npush_seconds = 2");
    let mut collector =
        Collector::init(Some(&world.internet), directory, &format!("{COLLECTOR}:8443"), &plan)?;
    collector.add_site(SITE)?;
    collector.serve()?;
    let code = collector.join_code(SITE, &["--uses", "20"])?;
    let mut agents = Vec::new();
    for (odd, office) in ALL.iter().zip(&world.offices) {
        odd.prepare(office)?;
        let mut agent = Agent::new(Some(&office.pc), directory, &format!("{odd:?}"))?;
        agent.join(&code)?.ok()?;
        agent.run()?;
        agents.push(agent);
    }
    for agent in &agents {
        agent.wait_until_up(SETTLE_MAX)?;
    }

    for (odd, office) in ALL.iter().zip(&world.offices) {
        odd.begin(office)?;
    }
    let begun_ms = wall_ms();
    until_wall_ms(begun_ms + ODD_MS / 2);
    for (odd, agent) in ALL.iter().zip(&mut agents) {
        if matches!(odd, Odd::StaleRaw | Odd::Stale) {
            agent.kill()?;
            agent.run()?;
        }
    }
    until_wall_ms(begun_ms + ODD_MS);
    let ended_ms = wall_ms();
    for office in &world.offices {
        office.uplink.set_both(&Conditions::default());
        // Where there is no such route there is nothing to take away.
        for target in TARGETS {
            let _ = office.router.ip(&["route", "del", "unreachable", &format!("{target}/32")]);
        }
    }
    for agent in &agents {
        wait_until("an agent to have sent everything", SETTLE_MAX, || {
            let status = agent.status().map_err(|error| format!("{error:#}"))?;
            let newest_ms = status["round"]["slot"]["index"].as_i64().map(|second| second * 1_000);
            let pending = status["spool"]["records_pending"].as_u64();
            let done = newest_ms > Some(ended_ms) && pending.is_some_and(|pending| pending <= 6);
            if done { Ok(()) } else { Err(status.to_string()) }
        })?;
    }

    let kept = collector.records()?;
    // What was under way at the end came back over a line that was well again.
    let whole = begun_ms / 1_000 + 1..(ended_ms - UNDER_WAY_MS) / 1_000;
    ALL.iter()
        .zip(&agents)
        .map(|(odd, agent)| {
            let id = agent.identity().context("an identity")?.agent;
            let rounds = rounds_of(&kept, id).filter(|round| whole.contains(&round.slot.index));
            Ok((*odd, rounds.cloned().collect()))
        })
        .collect()
}
