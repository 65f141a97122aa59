//! The rows of the decision table, each with what brings it about and what an agent must say to it.

use suar_lab::world::faults::Fault;
use suar_wire::{Cause, Note, Verdict};

/// What is done to one office.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    At(Fault),
    /// The process of this office's collector is killed; its machine is there.
    CollectorKilled,
    /// The PC's clock is set by so many milliseconds.
    ClockSet(i64),
}

/// What a round says: verdict and note.
pub type Said = (Verdict, Note);

pub const WELL: Said = (Verdict::Up, Note::None);

const HOUR_MS: i64 = 3_600_000;

pub struct Row {
    pub name: &'static str,
    pub trouble: Trouble,
    pub expect: Said,
}

const fn down(name: &'static str, fault: Fault, cause: Cause) -> Row {
    Row { name, trouble: Trouble::At(fault), expect: (Verdict::Down(cause), Note::None) }
}

const fn up(name: &'static str, trouble: Trouble, note: Note) -> Row {
    Row { name, trouble, expect: (Verdict::Up, note) }
}

pub const ROWS: &[Row] = &[
    up("nothing", Trouble::At(Fault::Nothing), Note::None),
    down("interface down", Fault::InterfaceDown, Cause::NoNetwork),
    down("cable out", Fault::CableOut, Cause::NoNetwork),
    down("address lost", Fault::AddressLost, Cause::NoNetwork),
    down("router dead", Fault::RouterDead, Cause::Gateway),
    up("router mutes ICMP", Trouble::At(Fault::RouterMute), Note::None),
    down("mute router dead", Fault::MuteRouterDead, Cause::Gateway),
    down("provider dead", Fault::ProviderDead, Cause::Internet),
    down("provider dead, mute router", Fault::ProviderDeadBehindMute, Cause::Internet),
    up("provider drops pings", Trouble::At(Fault::PingsBlocked), Note::IcmpUnavailable),
    down("DNS silent", Fault::DnsDead, Cause::Dns),
    down("DNS denies every name", Fault::DnsDenies, Cause::Dns),
    down("DNS broken", Fault::DnsBroken, Cause::Dns),
    down("DNS lies", Fault::DnsLies, Cause::Dns),
    down("portal redirects", Fault::PortalRedirects, Cause::CaptivePortal),
    down("portal rewrites", Fault::PortalRewrites, Cause::CaptivePortal),
    up("collector killed", Trouble::CollectorKilled, Note::CollectorUnreachable),
    up("collector's machine gone", Trouble::At(Fault::CollectorGone), Note::CollectorUnreachable),
    up("clock an hour behind", Trouble::ClockSet(-HOUR_MS), Note::ClockWrong),
    up("clock of a dead battery", Trouble::ClockSet(-15 * 365 * 24 * HOUR_MS), Note::ClockWrong),
    up("clock four minutes ahead", Trouble::ClockSet(HOUR_MS / 15), Note::None),
];
