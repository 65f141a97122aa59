//! The words of both languages for what coverage finds.

use suar_wire::{Cause, Purpose};

use super::Language;
use crate::coverage::{IslandStanding, Standing, Tiphon};
use crate::day::Reason;
use crate::registry::LinkKind;

impl Language {
    /// Picks one of two texts.
    pub(super) fn pick<'a>(self, id: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Id => id,
            Self::En => en,
        }
    }
}

pub fn standing_words(standing: Standing, language: Language) -> &'static str {
    let (id, en) = match standing {
        Standing::Unreliable => ("tidak andal", "unreliable"),
        Standing::Limited => ("terbatas", "limited"),
        Standing::Reliable => ("andal", "reliable"),
        Standing::NotEnoughData => ("data belum cukup", "not enough data"),
        Standing::NotMonitored => ("belum terpantau", "not monitored"),
    };
    language.pick(id, en)
}

pub fn island_words(standing: IslandStanding, language: Language) -> &'static str {
    let (id, en) = match standing {
        IslandStanding::Unreliable => ("tidak andal", "unreliable"),
        IslandStanding::Limited => ("terbatas", "limited"),
        IslandStanding::Reliable => ("andal", "reliable"),
        IslandStanding::NotAssessable => ("belum dapat dinilai", "not assessable"),
    };
    language.pick(id, en)
}

pub fn cause_words(cause: Cause, language: Language) -> &'static str {
    let (id, en) = match cause {
        Cause::NoNetwork => ("kabel atau Wi-Fi kantor lepas", "cable or Wi-Fi off at the office"),
        Cause::Gateway => ("router kantor tidak menjawab", "the office's router does not answer"),
        Cause::Internet => ("router hidup, internet putus", "router answers, internet is cut"),
        Cause::Dns => ("nama alamat tidak terjawab (DNS)", "names are not found (DNS)"),
        Cause::CaptivePortal => ("halaman masuk atau kuota habis", "login page or quota used up"),
    };
    language.pick(id, en)
}

pub fn reason_words(reason: Reason, language: Language) -> &'static str {
    let (id, en) = match reason {
        Reason::NotYetKnown => ("belum diketahui", "not yet known"),
        Reason::PoweredOff => ("komputer dimatikan", "computer shut down"),
        Reason::PowerLost => ("listrik padam", "power lost"),
        Reason::Asleep => ("komputer tidur", "computer asleep"),
        Reason::AgentStopped => ("pemantau dihentikan", "monitoring stopped"),
        Reason::AgentDied => ("pemantau berhenti mendadak", "monitoring stopped unexpectedly"),
        Reason::Paused => ("dijeda pengguna", "paused by the user"),
        Reason::Starved => ("komputer terlalu sibuk", "computer too busy"),
        Reason::RecordsLost => ("rekaman hilang", "records lost"),
    };
    language.pick(id, en)
}

pub(super) fn purpose_words(purpose: Purpose, language: Language) -> &'static str {
    let (id, en) = match purpose {
        Purpose::Echo => ("ping", "pings"),
        Purpose::Gateway => ("ping ke router kantor", "pings to the office's router"),
        Purpose::Dns => ("DNS", "DNS"),
        Purpose::Online => ("pemeriksaan daring", "online check"),
        Purpose::Collector => ("memeriksa pengumpul", "asking for the collector"),
        Purpose::Push => ("kiriman rekaman", "records sent"),
        Purpose::Plan => ("rencana pengukuran", "plan"),
        Purpose::Bandwidth => ("uji kecepatan", "speed tests"),
        Purpose::Update => ("pembaruan program", "updates"),
    };
    language.pick(id, en)
}

pub(super) fn tiphon_words(category: Tiphon, language: Language) -> &'static str {
    let (id, en) = match category {
        Tiphon::VeryGood => ("sangat bagus", "very good"),
        Tiphon::Good => ("bagus", "good"),
        Tiphon::Fair => ("sedang", "fair"),
        Tiphon::Poor => ("jelek", "poor"),
    };
    language.pick(id, en)
}

pub(super) fn link_words(link: LinkKind, language: Language) -> &'static str {
    let (id, en) = match link {
        LinkKind::Fiber => ("serat optik", "fibre"),
        LinkKind::Radio => ("radio", "radio"),
        LinkKind::Cellular => ("seluler", "cellular"),
        LinkKind::LeoSatellite => ("satelit LEO", "LEO satellite"),
        LinkKind::GeoSatellite => ("satelit GEO", "GEO satellite"),
        LinkKind::Unknown => ("belum diketahui", "unknown"),
    };
    language.pick(id, en)
}
