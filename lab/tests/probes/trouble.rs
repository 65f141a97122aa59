//! What a hostile or broken network does to a round: it ends in time, says what happened, and the next comes.

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use suar_lab::netns::can_run_here;
use suar_lab::programs::{Agent, Collector, rounds_of, wait_until};
use suar_lab::seed::printed_seed;
use suar_lab::wan::Conditions;
use suar_lab::world::portal::{Page, Portal};
use suar_lab::world::{COLLECTOR, Office, World, plan_section};
use suar_wire::record::Round;
use suar_wire::{Cause, EchoError, EchoMethod, Failure, Note, Outcome, Verdict};

const SITE: &str = "19.02.02.2009";
/// Long enough for a question that fails after 3 s.
const SLOT_SECONDS: u64 = 8;
const ROUNDS: usize = 2;
const SETTLE_MAX: Duration = Duration::from_secs(90);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// The online check answers with a gigabyte.
    Gigabyte,
    /// The online check answers a byte a second.
    Dripping,
    /// The system refuses ICMP to the agent.
    NoPermission,
    /// The collector's name does not exist, and later it does.
    NameUnknown,
    /// The collector's name leads to the machine itself, and later to the collector.
    NameLoopback,
}

const ALL: [Trouble; 5] = [
    Trouble::Gigabyte,
    Trouble::Dripping,
    Trouble::NoPermission,
    Trouble::NameUnknown,
    Trouble::NameLoopback,
];
/// How agents call the collector.
const COLLECTOR_NAME: &str = "pusat.example";

impl Trouble {
    fn begin(self, office: &Office) -> Result<Option<Portal<'_>>> {
        let page = match self {
            Self::Gigabyte => Page::Gigabyte,
            Self::Dripping => Page::Dripping,
            Self::NoPermission => return Ok(None),
            Self::NameUnknown => return office.pc.set_hosts(&[]).map(|()| None),
            Self::NameLoopback => {
                return name_is(office, Ipv4Addr::LOCALHOST).map(|()| None);
            }
        };
        Portal::open(&office.router, COLLECTOR, &[8444], page).map(Some)
    }

    /// What happens when each agent has done a round.
    fn go_on(self, office: &Office) -> Result<()> {
        match self {
            Self::Gigabyte | Self::Dripping | Self::NoPermission => Ok(()),
            Self::NameUnknown | Self::NameLoopback => name_is(office, COLLECTOR),
        }
    }

    fn check(self, rounds: &[Round]) {
        let unreachable = (Verdict::Up, Note::CollectorUnreachable);
        let was = |failure| {
            let (Some(first), Some(last)) = (rounds.first(), rounds.last()) else { return };
            assert_eq!((first.verdict, first.note), unreachable, "{first:?}");
            let asked = (first.online, first.collector);
            assert_eq!(asked, (Outcome::Failed(failure), Outcome::Failed(failure)), "{first:?}");
            assert_eq!(
                (last.verdict, last.note),
                (Verdict::Up, Note::None),
                "found without a restart: {last:?}"
            );
            assert!(last.online.is_ok(), "{last:?}");
        };
        match self {
            Self::NameUnknown => was(Failure::Unreachable),
            Self::NameLoopback => was(Failure::Refused),
            Self::Gigabyte | Self::Dripping | Self::NoPermission => {}
        }
        rounds.iter().for_each(|round| self.check_each(round));
    }

    fn check_each(self, round: &Round) {
        match self {
            Self::NameUnknown | Self::NameLoopback => assert_eq!(round.verdict, Verdict::Up, "{round:?}"),
            Self::Gigabyte => {
                assert_eq!(round.online, Outcome::Failed(Failure::WrongAnswer), "{round:?}");
                assert_eq!(round.verdict, Verdict::Down(Cause::CaptivePortal), "{round:?}");
            }
            Self::Dripping => {
                assert_eq!(round.online, Outcome::Failed(Failure::Timeout), "{round:?}");
                assert_eq!(
                    (round.verdict, round.note),
                    (Verdict::Up, Note::CollectorUnreachable),
                    "{round:?}"
                );
            }
            Self::NoPermission => {
                assert_eq!((round.verdict, round.note), (Verdict::Up, Note::IcmpUnavailable), "{round:?}");
                let (icmp, tcp): (Vec<_>, Vec<_>) =
                    round.echoes.iter().partition(|echo| echo.method == EchoMethod::Icmp);
                assert!(
                    icmp.iter().all(|echo| (echo.sent, echo.error) == (0, Some(EchoError::NoPermission))),
                    "what may not be sent is not lost: {round:?}"
                );
                assert!(tcp.iter().any(|echo| echo.received() == 1), "{round:?}");
            }
        }
        assert!(round.echoes.iter().any(|echo| echo.received() > 0), "the others answer: {round:?}");
        assert!(round.dns.is_ok(), "{round:?}");
    }
}

fn name_is(office: &Office, address: Ipv4Addr) -> Result<()> {
    office.pc.set_hosts(&[(address.into(), COLLECTOR_NAME)])
}

#[test]
fn a_round_in_trouble_ends_in_time_and_says_what_happened() {
    if !can_run_here("rounds in trouble") {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    for (trouble, rounds) in run(directory.path()).unwrap_or_else(|error| panic!("did not run: {error:#}")) {
        assert!(rounds.len() >= ROUNDS, "{trouble:?}: {rounds:?}");
        let slots: Vec<i64> = rounds.iter().map(|round| round.slot.index).collect();
        assert!(
            slots.windows(2).all(|pair| pair[1] == pair[0] + 1),
            "{trouble:?}: no slot is missed: {slots:?}"
        );
        trouble.check(&rounds);
    }
}

fn run(directory: &Path) -> Result<Vec<(Trouble, Vec<Round>)>> {
    let uplink = Conditions::delayed(Duration::from_millis(5));
    let world = World::with_offices(ALL.len() as u8, &uplink, printed_seed("rounds in trouble"))?;
    let plan = plan_section(&format!(
        "slot_seconds = {SLOT_SECONDS}\ndns_every = 1\nonline_every = 1\npush_seconds = 2\n\
         online_url = \"http://{COLLECTOR_NAME}:8444/v1/online\""
    ));
    let mut collector =
        Collector::init(Some(&world.internet), directory, &format!("{COLLECTOR}:8443"), &plan)?;
    let config = std::fs::read_to_string(collector.config())?;
    let by_name = config.replace(
        &format!("public_address = \"{COLLECTOR}:8443\""),
        &format!("public_address = \"{COLLECTOR_NAME}:8443\""),
    );
    anyhow::ensure!(by_name != config, "the collector's address is written another way: {config}");
    std::fs::write(collector.config(), by_name)?;
    collector.add_site(SITE)?;
    collector.serve()?;
    let code = collector.join_code(SITE, &["--uses", "20"])?;
    let mut agents = Vec::new();
    let mut portals = Vec::new();
    for (trouble, office) in ALL.iter().zip(&world.offices) {
        name_is(office, COLLECTOR)?;
        let mut agent = Agent::new(Some(&office.pc), directory, &format!("{trouble:?}"))?;
        agent.join(&code)?.ok()?;
        if *trouble == Trouble::NoPermission {
            office.pc.write_sysctl("net/ipv4/ping_group_range", "1 0")?;
            agent.started_by =
                ["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"].map(str::to_owned).to_vec();
        }
        portals.push(trouble.begin(office)?);
        agent.run()?;
        agents.push(agent);
    }
    let slot_of =
        |agent: &Agent<'_>| -> Result<Option<i64>> { Ok(agent.status()?["round"]["slot"]["index"].as_i64()) };
    let more_rounds = |rounds: i64| {
        agents.iter().try_for_each(|agent| {
            let mut first = None;
            wait_until("an agent to do its rounds", SETTLE_MAX, || {
                let slot = slot_of(agent).map_err(|error| format!("{error:#}"))?;
                first = first.or(slot);
                let done = first.zip(slot).is_some_and(|(first, slot)| slot >= first + rounds);
                if done { Ok(()) } else { Err(format!("slot {slot:?}, first {first:?}")) }
            })
        })
    };
    more_rounds(0)?;
    ALL.iter().zip(&world.offices).try_for_each(|(trouble, office)| trouble.go_on(office))?;
    more_rounds(ROUNDS as i64)?;
    drop(portals);
    agents.iter_mut().try_for_each(Agent::stop)?;

    let kept = collector.records()?;
    ALL.iter()
        .zip(&agents)
        .map(|(trouble, agent)| {
            let id = agent.identity().context("an identity")?.agent;
            Ok((*trouble, rounds_of(&kept, id).cloned().collect()))
        })
        .collect()
}
