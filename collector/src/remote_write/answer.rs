//! What a receiver's answer means for what was sent. Pure.

use std::time::Duration;

use super::Version;

/// Longest a receiver can make us wait.
const WAIT_MAX: Duration = Duration::from_secs(300);

/// As it came.
#[derive(Debug, Clone, Default)]
pub struct Response {
    pub status: u16,
    /// `X-Prometheus-Remote-Write-Samples-Written`, which version 2 demands.
    pub samples_written: Option<u64>,
    /// `Retry-After` in seconds.
    pub retry_after_s: Option<u64>,
    /// The beginning of its text, in one line.
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// How many samples of those that were sent.
    Kept { samples: u64 },
    /// Sending the same again would get the same answer. Of version 2 a part of it may have been kept.
    Refused { reason: &'static str, kept: u64 },
    /// Nothing is wrong with the samples: they are sent again later.
    Again { reason: &'static str, after: Duration },
}

/// `reason` of an answer that is as it should be, in metric labels.
pub const OK: &str = "ok";

impl Answer {
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Kept { .. } => OK,
            Self::Refused { reason, .. } | Self::Again { reason, .. } => reason,
        }
    }

    pub fn of(version: Version, sent: u64, response: &Response) -> Self {
        let again = |reason| Self::Again {
            reason,
            after: Duration::from_secs(response.retry_after_s.unwrap_or(0)).min(WAIT_MAX),
        };
        let kept = match version {
            Version::One => 0,
            Version::Two => response.samples_written.unwrap_or(0).min(sent),
        };
        let refused = |reason| Self::Refused { reason, kept };
        match (response.status, version) {
            (200..300, Version::One) => Self::Kept { samples: sent },
            (200..300, Version::Two) => match response.samples_written {
                Some(_) => Self::Kept { samples: kept },
                // A receiver of version 1 finds nothing in the message, and says that all is well.
                None => again("version"),
            },
            (415, _) => again("version"),
            (401 | 403, _) => again("login"),
            (300..400 | 404 | 405, _) => again("address"),
            (408, _) => again("too_slow"),
            (429, _) => again("too_often"),
            (413, _) => refused("too_large"),
            (400..500, _) => refused(refusal(&response.text)),
            _ => again("receiver"),
        }
    }
}

/// The receivers' own words for what a late sample runs into.
fn refusal(text: &str) -> &'static str {
    let text = text.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&["too old", "too-old", "out of bounds", "out of order", "out-of-order", "outside of"]) {
        "too_old"
    } else if says(&["duplicate"]) {
        "duplicate"
    } else {
        "refused"
    }
}

/// What to do about a reason, for the log.
pub fn advice(reason: &str) -> &'static str {
    match reason {
        "version" => {
            "the receiver does not say that it understood this version of the protocol; set [remote_write] version"
        }
        "login" => {
            "the receiver wants another login: look at the files that [remote_write] names, and restart"
        }
        "address" => "there is no receiver at this address: look at [remote_write] url",
        "too_old" => {
            "the receiver takes no samples of this age: let it take late ones (docs/remote-write.md)"
        }
        "too_large" => "the receiver wants smaller requests than one push",
        "duplicate" | "refused" => "the receiver does not take these samples; they are not sent again",
        _ => "its samples wait and are sent again",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(version: Version, status: u16, text: &str) -> Answer {
        let response = Response { status, text: text.to_owned(), ..Response::default() };
        Answer::of(version, 10, &response)
    }

    #[test]
    fn every_status_means_one_thing() {
        let cases: [(u16, &str, &str, bool); 18] = [
            (200, "", "ok", false),
            (204, "", "ok", false),
            (301, "", "address", true),
            (400, "out of bounds", "too_old", false),
            (400, "Out of order sample", "too_old", false),
            (400, "the sample has been rejected because its timestamp is too old", "too_old", false),
            (400, "duplicate sample for timestamp", "duplicate", false),
            (400, "cannot parse", "refused", false),
            (401, "", "login", true),
            (403, "", "login", true),
            (404, "", "address", true),
            (408, "", "too_slow", true),
            (413, "", "too_large", false),
            (415, "", "version", true),
            (422, "", "refused", false),
            (429, "", "too_often", true),
            (500, "out of order", "receiver", true),
            (503, "", "receiver", true),
        ];
        for (status, text, reason, again) in cases {
            let answer = answer(Version::One, status, text);
            assert_eq!(answer.reason(), reason, "{status} {text}");
            assert_eq!(matches!(answer, Answer::Again { .. }), again, "{status} {text}");
        }
    }

    #[test]
    fn version_2_is_believed_only_with_the_number_of_samples() {
        assert_eq!(answer(Version::Two, 204, "").reason(), "version");
        for (written, kept) in [(10, 10), (7, 7), (99, 10)] {
            let response = Response { status: 200, samples_written: Some(written), ..Response::default() };
            assert_eq!(Answer::of(Version::Two, 10, &response), Answer::Kept { samples: kept });
        }
    }

    #[test]
    fn what_a_refusal_of_version_2_has_kept_is_told() {
        for (version, written, kept) in [
            (Version::Two, Some(7), 7),
            (Version::Two, Some(99), 10),
            (Version::Two, None, 0),
            (Version::One, Some(7), 0),
        ] {
            let text = "too old sample".to_owned();
            let response = Response { status: 400, samples_written: written, text, ..Response::default() };
            assert_eq!(Answer::of(version, 10, &response), Answer::Refused { reason: "too_old", kept });
        }
    }

    #[test]
    fn nobody_can_make_us_wait_for_ever() {
        for (asked, waited) in [(None, 0), (Some(7), 7), (Some(u64::MAX), 300)] {
            let response = Response { status: 503, retry_after_s: asked, ..Response::default() };
            let Answer::Again { after, .. } = Answer::of(Version::One, 1, &response) else { panic!("again") };
            assert_eq!(after, Duration::from_secs(waited));
        }
    }
}
