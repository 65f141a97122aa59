//! Label matchers as PromQL has them. A regular expression is anchored at both ends and bounded in size;
//! its engine takes time in proportion to the text, so no pattern can hold a thread.

use regex::{Regex, RegexBuilder};

/// Matchers of one query; PromQL's own never come near it.
pub const MATCHERS_MAX: usize = 64;
/// Bytes of a label name or value, or of a pattern: Grafana lists every chosen site in one.
pub const TEXT_BYTES_MAX: usize = 64 * 1024;
/// Bytes of a compiled pattern.
const PATTERN_BYTES_MAX: usize = 4 * 1024 * 1024;
const PATTERN_NEST_MAX: u32 = 50;

#[derive(Debug, Clone)]
pub struct Matchers {
    all: Vec<Matcher>,
}

#[derive(Debug, Clone)]
struct Matcher {
    label: String,
    test: Test,
}

#[derive(Debug, Clone)]
enum Test {
    Equal(String),
    NotEqual(String),
    Pattern(Regex),
    NotPattern(Regex),
}

/// The kinds of matcher, by their numbers in the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Equal,
    NotEqual,
    Pattern,
    NotPattern,
}

impl Kind {
    pub fn from_code(code: i32) -> Option<Self> {
        [Self::Equal, Self::NotEqual, Self::Pattern, Self::NotPattern]
            .get(usize::try_from(code).ok()?)
            .copied()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MatcherError {
    #[error("a matcher of the unknown type {0}")]
    Kind(i32),
    #[error("{0} matchers in one query; at most {MATCHERS_MAX} are taken")]
    TooMany(usize),
    #[error("a matcher of {0} bytes; at most {TEXT_BYTES_MAX} are taken")]
    TooLong(usize),
    #[error("no pattern that is understood for {label:?}: {message}")]
    Pattern { label: String, message: String },
}

impl Matchers {
    /// From (type number, label, value) as they come in.
    pub fn new<'a>(
        all: impl ExactSizeIterator<Item = (i32, &'a str, &'a str)>,
    ) -> Result<Self, MatcherError> {
        if all.len() > MATCHERS_MAX {
            return Err(MatcherError::TooMany(all.len()));
        }
        let one = |(code, label, value): (i32, &str, &str)| {
            let kind = Kind::from_code(code).ok_or(MatcherError::Kind(code))?;
            if label.len() + value.len() > TEXT_BYTES_MAX {
                return Err(MatcherError::TooLong(label.len() + value.len()));
            }
            let test = match kind {
                Kind::Equal => Test::Equal(value.to_owned()),
                Kind::NotEqual => Test::NotEqual(value.to_owned()),
                Kind::Pattern => Test::Pattern(anchored(label, value)?),
                Kind::NotPattern => Test::NotPattern(anchored(label, value)?),
            };
            Ok(Matcher { label: label.to_owned(), test })
        };
        Ok(Self { all: all.map(one).collect::<Result<_, _>>()? })
    }

    /// Whether a series may have this value; a label that it does not have is the empty value.
    pub fn accept(&self, label: &str, value: &str) -> bool {
        self.all.iter().filter(|matcher| matcher.label == label).all(|matcher| matcher.test.holds(value))
    }

    /// Whether a series without any other labels than these may be meant.
    pub fn accept_without_others(&self, labels: &[&str]) -> bool {
        let others = self.all.iter().filter(|matcher| !labels.contains(&matcher.label.as_str()));
        others.into_iter().all(|matcher| matcher.test.holds(""))
    }
}

impl Test {
    fn holds(&self, value: &str) -> bool {
        match self {
            Self::Equal(wanted) => value == wanted,
            Self::NotEqual(unwanted) => value != unwanted,
            Self::Pattern(pattern) => pattern.is_match(value),
            Self::NotPattern(pattern) => !pattern.is_match(value),
        }
    }
}

fn anchored(label: &str, pattern: &str) -> Result<Regex, MatcherError> {
    let build = |pattern: &str| {
        RegexBuilder::new(pattern)
            .size_limit(PATTERN_BYTES_MAX)
            .dfa_size_limit(PATTERN_BYTES_MAX)
            .nest_limit(PATTERN_NEST_MAX)
            .build()
    };
    // Alone first: `a)|(b` must not close our group and escape the anchors.
    build(pattern).and_then(|_| build(&format!("^(?s:{pattern})$"))).map_err(|error| {
        // The library draws the pattern and an arrow over several lines; the last one says what is wrong.
        let message = error.to_string();
        let message = message.lines().last().unwrap_or_default().chars().take(200).collect();
        MatcherError::Pattern { label: label.chars().take(60).collect(), message }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matchers(all: &[(i32, &str, &str)]) -> Matchers {
        Matchers::new(all.iter().copied()).unwrap()
    }

    #[test]
    fn every_kind_holds_what_promql_says() {
        let cases: [(i32, &str, &[&str], &[&str]); 8] = [
            (0, "a", &["a"], &["", "aa"]),
            (1, "a", &["", "aa"], &["a"]),
            (2, "a|b.", &["a", "bc"], &["ab", "b", "xa", "bcd", ""]),
            (3, "a|b.", &["ab", ""], &["a", "bc"]),
            (2, ".*", &["", "x", "x\ny"], &[]),
            (2, ".+", &["x"], &[""]),
            (2, "", &[""], &["x"]),
            (2, "19\\.02\\..*", &["19.02.01"], &["19x02.01"]),
        ];
        for (kind, value, yes, no) in cases {
            let matchers = matchers(&[(kind, "site", value)]);
            assert!(yes.iter().all(|text| matchers.accept("site", text)), "{kind} {value}");
            assert!(no.iter().all(|text| !matchers.accept("site", text)), "{kind} {value}");
            assert!(matchers.accept("other", "anything"));
        }
    }

    #[test]
    fn a_label_that_a_family_lacks_is_empty() {
        let matchers = matchers(&[(0, "site", "A"), (3, "agent", ".+"), (0, "job", "")]);
        assert!(matchers.accept_without_others(&["site"]));
        assert!(!matchers.accept_without_others(&[]), "site is asked for");
    }

    #[test]
    fn hostile_matchers_are_refused_with_a_reason() {
        let error = |kind, value: &str| Matchers::new([(kind, "site", value)].into_iter()).unwrap_err();
        assert_eq!(error(7, "x"), MatcherError::Kind(7));
        assert_eq!(error(-1, "x"), MatcherError::Kind(-1));
        assert!(matches!(error(0, &"x".repeat(70_000)), MatcherError::TooLong(_)));
        for pattern in ["(", "a{1000}{1000}{1000}", &"(".repeat(5_000), "(?P<n>", "\\"] {
            let found = error(2, pattern);
            assert!(matches!(found, MatcherError::Pattern { .. }), "{pattern}: {found}");
            assert!(found.to_string().len() < 400, "{found}");
        }
        assert!(Matchers::new([(2, "site", "a)|(b")].into_iter()).is_err());
        let many = vec![(0, "site", "x"); 65];
        assert!(matches!(Matchers::new(many.into_iter()), Err(MatcherError::TooMany(65))));
    }
}
