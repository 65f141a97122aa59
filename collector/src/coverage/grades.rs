//! From indicators to a standing.

use std::cmp::Ordering;

use serde::Serialize;

use super::ratio::Ratio;
use super::rules::Rules;
use super::throughput::Throughput;
use crate::registry::LinkKind;

/// One indicator's grade. A missing one is written as missing and is never good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    Reliable,
    Limited,
    Unreliable,
    Missing,
}

/// The grades a standing is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Indicators {
    pub availability: Grade,
    pub download: Grade,
    pub upload: Grade,
    pub rtt: Grade,
    pub loss: Grade,
}

/// An office's standing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Unreliable,
    Limited,
    Reliable,
    NotEnoughData,
    NotMonitored,
}

impl Standing {
    pub const ALL: [Self; 5] =
        [Self::Unreliable, Self::Limited, Self::Reliable, Self::NotEnoughData, Self::NotMonitored];

    /// The stable name, as in metric labels and JSON.
    pub fn label(self) -> &'static str {
        match self {
            Self::Unreliable => "unreliable",
            Self::Limited => "limited",
            Self::Reliable => "reliable",
            Self::NotEnoughData => "not_enough_data",
            Self::NotMonitored => "not_monitored",
        }
    }

    /// Whether the data were enough to judge.
    pub fn is_judged(self) -> bool {
        matches!(self, Self::Unreliable | Self::Limited | Self::Reliable)
    }
}

impl Grade {
    pub fn label(self) -> &'static str {
        match self {
            Self::Reliable => "reliable",
            Self::Limited => "limited",
            Self::Unreliable => "unreliable",
            Self::Missing => "missing",
        }
    }
}

/// What grades are given for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measured {
    pub availability: Option<Ratio>,
    pub throughput: Throughput,
    pub rtt_us: Option<u32>,
    pub loss: Option<Ratio>,
    pub link: LinkKind,
}

impl Measured {
    pub(super) fn graded(self, rules: &Rules) -> Indicators {
        let Throughput { download_bits, upload_bits, .. } = self.throughput;
        Indicators {
            availability: grade_availability(self.availability, rules),
            download: grade_speed(
                download_bits,
                rules.download_reliable_mbps,
                rules.download_unreliable_mbps,
            ),
            upload: grade_speed(upload_bits, rules.upload_reliable_mbps, rules.upload_unreliable_mbps),
            rtt: grade_rtt(self.rtt_us, self.link, rules),
            loss: grade_loss(self.loss, rules),
        }
    }
}

impl Indicators {
    /// Unreliable: availability or download is, or two of the other three are. Reliable: both are, and
    /// none of the others is unreliable. Else limited. A missing download alone keeps an office from
    /// being reliable; a missing one of the other three does not.
    pub fn standing(self) -> Standing {
        let deciding = [self.availability, self.download];
        let others = [self.upload, self.rtt, self.loss];
        let bad_others = others.iter().filter(|grade| **grade == Grade::Unreliable).count();
        if deciding.contains(&Grade::Unreliable) || bad_others >= 2 {
            Standing::Unreliable
        } else if deciding.iter().all(|grade| *grade == Grade::Reliable) && bad_others == 0 {
            Standing::Reliable
        } else {
            Standing::Limited
        }
    }

    /// Nothing but a bandwidth test is missing for a reliable office.
    pub fn lacks_only_a_test(self) -> bool {
        let tested = Self { download: Grade::Reliable, ..self };
        self.download == Grade::Missing
            && self.standing() == Standing::Limited
            && tested.standing() == Standing::Reliable
    }
}

fn grade_availability(availability: Option<Ratio>, rules: &Rules) -> Grade {
    match availability {
        None => Grade::Missing,
        Some(ratio) if !ratio.at_least(rules.availability_unreliable) => Grade::Unreliable,
        Some(ratio) if ratio.at_least(rules.availability_reliable) => Grade::Reliable,
        Some(_) => Grade::Limited,
    }
}

/// Higher is better; exactly at a threshold reaches it.
fn grade_speed(bits_a_second: Option<u64>, reliable_mbps: f64, unreliable_mbps: f64) -> Grade {
    let bits = |mbps: f64| (mbps * 1e6).round() as u64;
    match bits_a_second {
        None => Grade::Missing,
        Some(speed) if speed < bits(unreliable_mbps) => Grade::Unreliable,
        Some(speed) if speed >= bits(reliable_mbps) => Grade::Reliable,
        Some(_) => Grade::Limited,
    }
}

/// Lower is better; exactly at the reliable threshold is reliable, above the other unreliable.
fn grade_rtt(rtt_us: Option<u32>, link: LinkKind, rules: &Rules) -> Grade {
    let micros = |ms: f64| (ms * 1e3).round() as u64;
    let unreliable = match link {
        LinkKind::GeoSatellite => rules.rtt_unreliable_geo_ms,
        _ => rules.rtt_unreliable_ms,
    };
    match rtt_us.map(u64::from) {
        None => Grade::Missing,
        Some(rtt) if rtt > micros(unreliable) => Grade::Unreliable,
        Some(rtt) if rtt <= micros(rules.rtt_reliable_ms) => Grade::Reliable,
        Some(_) => Grade::Limited,
    }
}

fn grade_loss(loss: Option<Ratio>, rules: &Rules) -> Grade {
    match loss {
        None => Grade::Missing,
        Some(ratio) if ratio.cmp_share(rules.loss_unreliable) == Ordering::Greater => Grade::Unreliable,
        Some(ratio) if ratio.cmp_share(rules.loss_reliable) != Ordering::Greater => Grade::Reliable,
        Some(_) => Grade::Limited,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Grade::{Limited, Missing, Reliable, Unreliable};

    fn standing(grades: [Grade; 5]) -> Standing {
        let [availability, download, upload, rtt, loss] = grades;
        Indicators { availability, download, upload, rtt, loss }.standing()
    }

    #[test]
    fn one_deciding_indicator_or_two_others_make_an_office_unreliable() {
        assert_eq!(standing([Unreliable, Reliable, Reliable, Reliable, Reliable]), Standing::Unreliable);
        assert_eq!(standing([Reliable, Unreliable, Reliable, Reliable, Reliable]), Standing::Unreliable);
        assert_eq!(standing([Reliable, Reliable, Unreliable, Reliable, Unreliable]), Standing::Unreliable);
        assert_eq!(standing([Reliable, Reliable, Unreliable, Reliable, Reliable]), Standing::Limited);
    }

    #[test]
    fn a_missing_deciding_indicator_never_makes_an_office_reliable() {
        assert_eq!(standing([Reliable, Missing, Reliable, Reliable, Reliable]), Standing::Limited);
        assert_eq!(standing([Reliable, Reliable, Missing, Missing, Missing]), Standing::Reliable);
        assert_eq!(standing([Limited, Reliable, Reliable, Reliable, Reliable]), Standing::Limited);
    }

    #[test]
    fn an_office_lacks_only_a_test_where_one_could_make_it_reliable() {
        let lacks = |[availability, download, upload, rtt, loss]: [Grade; 5]| {
            Indicators { availability, download, upload, rtt, loss }.lacks_only_a_test()
        };
        assert!(lacks([Reliable, Missing, Missing, Limited, Missing]));
        assert!(!lacks([Reliable, Limited, Reliable, Reliable, Reliable]));
        assert!(!lacks([Limited, Missing, Reliable, Reliable, Reliable]));
        assert!(!lacks([Reliable, Missing, Unreliable, Reliable, Reliable]));
        assert!(!lacks([Reliable, Missing, Unreliable, Reliable, Unreliable]));
    }

    #[test]
    fn a_geostationary_link_is_allowed_its_nature() {
        let rules = Rules::default();
        assert_eq!(grade_rtt(Some(620_000), LinkKind::GeoSatellite, &rules), Limited);
        assert_eq!(grade_rtt(Some(620_000), LinkKind::Fiber, &rules), Unreliable);
        assert_eq!(grade_rtt(Some(150_000), LinkKind::Fiber, &rules), Reliable);
    }
}
