//! The thresholds behind a standing. All of them are configuration; the defaults and their sources are
//! printed on the method page of every report.

use serde::{Deserialize, Serialize};

use crate::calendar::Holidays;

/// `[coverage]` of the collector's configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// Share of the observed time; from here on reliable.
    pub availability_reliable: f64,
    /// Below this, unreliable: 95 % is what Palapa Ring's contracts promise.
    pub availability_unreliable: f64,
    /// Median download, Mbit/s: ITU's target for fixed broadband, and Giga's lower benchmark.
    pub download_reliable_mbps: f64,
    pub download_unreliable_mbps: f64,
    pub upload_reliable_mbps: f64,
    pub upload_unreliable_mbps: f64,
    /// Median round trip; a geostationary link cannot be under half a second (Permenkominfo 19/2010).
    pub rtt_reliable_ms: f64,
    pub rtt_unreliable_ms: f64,
    pub rtt_unreliable_geo_ms: f64,
    pub loss_reliable: f64,
    pub loss_unreliable: f64,
    /// Share of the expected time that must be observed, over the window and for a day to count.
    pub observed_enough: f64,
    /// Working days observed that a quarter needs.
    pub days_enough_quarter: u32,
    /// Share of the working days that any other window needs.
    pub days_enough_share: f64,
    /// Share of the expected time without power from which a standing carries "limited by power".
    pub power_limited_share: f64,
    /// Share of the offices with enough data that makes an island unreliable.
    pub island_unreliable_share: f64,
}

/// What counts, and from when on.
#[derive(Debug, Clone, PartialEq)]
pub struct InForce {
    pub rules: Rules,
    pub holidays: Holidays,
    /// Seconds since 1970; `None`: as far back as anything is known.
    pub since_s: Option<i64>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            availability_reliable: 0.99,
            availability_unreliable: 0.95,
            download_reliable_mbps: 10.0,
            download_unreliable_mbps: 1.0,
            upload_reliable_mbps: 2.0,
            upload_unreliable_mbps: 0.25,
            rtt_reliable_ms: 150.0,
            rtt_unreliable_ms: 450.0,
            rtt_unreliable_geo_ms: 750.0,
            loss_reliable: 0.02,
            loss_unreliable: 0.05,
            observed_enough: 0.5,
            days_enough_quarter: 20,
            days_enough_share: 0.3333,
            power_limited_share: 0.2,
            island_unreliable_share: 0.5,
        }
    }
}

/// More working days than a quarter can have would make every office "not enough data" for ever.
const DAYS_ENOUGH_QUARTER_MAX: u32 = 66;

impl Rules {
    /// The same rules with half of what is tolerated: half the time down and the loss, twice the speed, round
    /// trips a fifth shorter.
    pub fn stricter(&self) -> Self {
        self.scaled(0.5, 0.8)
    }

    /// The same rules with twice of what is tolerated: twice the time down and the loss, half the speed, round
    /// trips a fourth longer.
    pub fn milder(&self) -> Self {
        self.scaled(2.0, 1.25)
    }

    /// Shares are exact to a millionth, as everywhere.
    fn scaled(&self, tolerated: f64, rtt: f64) -> Self {
        let share = |share: f64| (share.clamp(1e-6, 1.0) * 1e6).round() / 1e6;
        let availability = |reached: f64| share(1.0 - (1.0 - reached) * tolerated);
        Self {
            availability_reliable: availability(self.availability_reliable),
            availability_unreliable: availability(self.availability_unreliable),
            download_reliable_mbps: self.download_reliable_mbps / tolerated,
            download_unreliable_mbps: self.download_unreliable_mbps / tolerated,
            upload_reliable_mbps: self.upload_reliable_mbps / tolerated,
            upload_unreliable_mbps: self.upload_unreliable_mbps / tolerated,
            rtt_reliable_ms: self.rtt_reliable_ms * rtt,
            rtt_unreliable_ms: self.rtt_unreliable_ms * rtt,
            rtt_unreliable_geo_ms: self.rtt_unreliable_geo_ms * rtt,
            loss_reliable: share(self.loss_reliable * tolerated),
            loss_unreliable: share(self.loss_unreliable * tolerated),
            ..self.clone()
        }
    }

    /// Every mistake and every contradiction, each with its key and what would be right.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let shares = [
            ("availability_reliable", self.availability_reliable),
            ("availability_unreliable", self.availability_unreliable),
            ("loss_reliable", self.loss_reliable),
            ("loss_unreliable", self.loss_unreliable),
            ("observed_enough", self.observed_enough),
            ("days_enough_share", self.days_enough_share),
            ("power_limited_share", self.power_limited_share),
            ("island_unreliable_share", self.island_unreliable_share),
        ];
        for (key, value) in shares {
            if !(value > 0.0 && value <= 1.0) {
                problems.push(format!("{key}: a share above 0 and up to 1, found {value}"));
            }
        }
        let sizes = [
            ("download_reliable_mbps", self.download_reliable_mbps),
            ("download_unreliable_mbps", self.download_unreliable_mbps),
            ("upload_reliable_mbps", self.upload_reliable_mbps),
            ("upload_unreliable_mbps", self.upload_unreliable_mbps),
            ("rtt_reliable_ms", self.rtt_reliable_ms),
            ("rtt_unreliable_ms", self.rtt_unreliable_ms),
            ("rtt_unreliable_geo_ms", self.rtt_unreliable_geo_ms),
        ];
        for (key, value) in sizes {
            if !(value > 0.0 && value <= 1e6) {
                problems.push(format!("{key}: above 0 and up to 1000000, found {value}"));
            }
        }
        let ordered = [
            (
                "availability_unreliable",
                self.availability_unreliable,
                "availability_reliable",
                self.availability_reliable,
            ),
            (
                "download_unreliable_mbps",
                self.download_unreliable_mbps,
                "download_reliable_mbps",
                self.download_reliable_mbps,
            ),
            (
                "upload_unreliable_mbps",
                self.upload_unreliable_mbps,
                "upload_reliable_mbps",
                self.upload_reliable_mbps,
            ),
            ("rtt_reliable_ms", self.rtt_reliable_ms, "rtt_unreliable_ms", self.rtt_unreliable_ms),
            (
                "rtt_unreliable_ms",
                self.rtt_unreliable_ms,
                "rtt_unreliable_geo_ms",
                self.rtt_unreliable_geo_ms,
            ),
            ("loss_reliable", self.loss_reliable, "loss_unreliable", self.loss_unreliable),
        ];
        for (small_key, small, large_key, large) in ordered {
            if small > large {
                problems.push(format!("{small_key}: at most {large_key} ({large}), found {small}"));
            }
        }
        if !(1..=DAYS_ENOUGH_QUARTER_MAX).contains(&self.days_enough_quarter) {
            let found = self.days_enough_quarter;
            problems.push(format!("days_enough_quarter: 1 to {DAYS_ENOUGH_QUARTER_MAX} days, found {found}"));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_contradict_nothing_and_are_those_of_the_example_file() {
        assert_eq!(Rules::default().problems(), Vec::<String>::new());
        let example = include_str!("../../../deploy/examples/collector.toml");
        let whole: toml::Table = example.parse().expect("the example parses");
        let rules: Rules = whole["coverage"].clone().try_into().expect("the example's coverage parses");
        assert_eq!(rules, Rules::default());
    }

    #[test]
    fn half_and_twice_of_what_is_tolerated_contradict_nothing_either() {
        let rules = Rules::default();
        let (strict, mild) = (rules.stricter(), rules.milder());
        assert_eq!([strict.availability_reliable, mild.availability_reliable], [0.995, 0.98]);
        assert_eq!([strict.availability_unreliable, mild.availability_unreliable], [0.975, 0.9]);
        assert_eq!([strict.loss_unreliable, mild.loss_unreliable], [0.025, 0.1]);
        assert_eq!([strict.download_reliable_mbps, mild.download_reliable_mbps], [20.0, 5.0]);
        assert_eq!([strict.rtt_unreliable_geo_ms, mild.rtt_unreliable_geo_ms], [600.0, 937.5]);
        assert_eq!([strict.problems(), mild.problems()], [Vec::<String>::new(), Vec::new()]);
    }

    #[test]
    fn every_contradiction_is_told_with_what_would_be_right() {
        let rules = Rules {
            availability_reliable: 0.9,
            loss_unreliable: f64::NAN,
            rtt_reliable_ms: 900.0,
            days_enough_quarter: 0,
            ..Rules::default()
        };
        let problems = rules.problems().join("\n");
        for part in [
            "availability_unreliable: at most availability_reliable (0.9), found 0.95",
            "loss_unreliable: a share above 0",
            "rtt_reliable_ms: at most rtt_unreliable_ms (450), found 900",
            "days_enough_quarter: 1 to 66 days, found 0",
        ] {
            assert!(problems.contains(part), "{part} in {problems}");
        }
    }
}
