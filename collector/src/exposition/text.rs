//! Prometheus' text format 0.0.4 and OpenMetrics 1.0.0: how a family, a label and a value are written. Never
//! a timestamp: one line older than the server's window would make the whole scrape fail.

use std::fmt::Write;

use super::families::{Family, Kind};

/// How the page is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    #[default]
    Prometheus,
    OpenMetrics,
}

impl Format {
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// What a family is called in its head: OpenMetrics keeps `_total` for the samples of a counter.
    fn head_name(self, family: &Family) -> &'static str {
        match (self, family.kind) {
            (Self::OpenMetrics, Kind::Counter) => family.name.strip_suffix("_total").unwrap_or(family.name),
            _ => family.name,
        }
    }
}

/// The page being written.
#[derive(Debug, Default)]
pub struct Page {
    text: String,
    format: Format,
}

impl Page {
    pub fn new(format: Format, bytes_about: usize) -> Self {
        Self { text: String::with_capacity(bytes_about), format }
    }

    /// Starts a family. All its samples have to follow before the next one starts.
    pub fn family<'a>(&'a mut self, family: &'static Family) -> Samples<'a> {
        Samples { page: self, family, headed: false }
    }

    pub fn into_text(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }

    fn write(&mut self, arguments: std::fmt::Arguments<'_>) {
        self.text.write_fmt(arguments).expect("a string takes everything");
    }
}

/// The samples of one family. A family without any is not mentioned.
#[derive(Debug)]
pub struct Samples<'a> {
    page: &'a mut Page,
    family: &'static Family,
    headed: bool,
}

impl Samples<'_> {
    /// One sample; the label values stand in the order of the family's labels.
    pub fn sample(&mut self, values: &[&str], value: impl Into<Value>) {
        self.suffixed("", values, None, value.into());
    }

    /// Like [`Samples::sample`] where there may be no value.
    pub fn maybe(&mut self, values: &[&str], value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.sample(values, value);
        }
    }

    /// 1 for the one of `all` that is `chosen`, 0 for the others, as the last label.
    pub fn one_of(&mut self, values: &[&str], all: &[&str], chosen: &str) {
        let mut values = values.to_vec();
        for label in all {
            values.push(label);
            self.sample(&values, u64::from(*label == chosen));
            values.pop();
        }
    }

    /// A line of a histogram: `_bucket` with its `le`, `_sum` or `_count`.
    pub fn suffixed(&mut self, suffix: &str, values: &[&str], le: Option<&str>, value: Value) {
        let Family { name, kind, labels, help, .. } = *self.family;
        assert_eq!(labels.len(), values.len(), "every label of {name} has a value");
        if !self.headed {
            let head = self.page.format.head_name(self.family);
            self.page.write(format_args!("# HELP {head} {help}\n# TYPE {head} {}\n", kind.label()));
            self.headed = true;
        }
        self.page.write(format_args!("{name}{suffix}"));
        let labels = labels.iter().copied().zip(values.iter().copied()).chain(le.map(|le| ("le", le)));
        let mut opened = false;
        for (label, value) in labels {
            self.page.write(format_args!("{}{label}=\"", if opened { ',' } else { '{' }));
            escape(value, &mut self.page.text);
            self.page.text.push('"');
            opened = true;
        }
        self.page.text.push_str(if opened { "} " } else { " " });
        value.write(&mut self.page.text);
        self.page.text.push('\n');
    }
}

/// A sample's value; whole numbers stay exact.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    Whole(i64),
    Real(f64),
    /// Milliseconds or the like, written as a decimal fraction without going through floating point.
    Scaled {
        value: i64,
        decimals: u32,
    },
}

impl Value {
    /// Seconds from milliseconds.
    pub fn millis(value: i64) -> Self {
        Self::Scaled { value, decimals: 3 }
    }

    /// Seconds from microseconds.
    pub fn micros(value: u32) -> Self {
        Self::Scaled { value: i64::from(value), decimals: 6 }
    }

    fn write(self, text: &mut String) {
        let written = match self {
            Self::Whole(value) => write!(text, "{value}"),
            Self::Real(value) if value.is_nan() => write!(text, "NaN"),
            Self::Real(value) if value.is_infinite() => {
                write!(text, "{}", if value > 0.0 { "+Inf" } else { "-Inf" })
            }
            Self::Real(value) => write!(text, "{value}"),
            Self::Scaled { value, decimals } => {
                let unit = 10_u64.pow(decimals);
                let (sign, value) = (if value < 0 { "-" } else { "" }, value.unsigned_abs());
                let (whole, rest) = (value / unit, value % unit);
                let fraction = format!("{rest:0width$}", width = decimals as usize);
                let fraction = fraction.trim_end_matches('0');
                let point = if fraction.is_empty() { "" } else { "." };
                write!(text, "{sign}{whole}{point}{fraction}")
            }
        };
        written.expect("a string takes everything");
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        // A count beyond 2^63 is written as the largest number there is.
        Self::Whole(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Whole(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

fn escape(value: &str, text: &mut String) {
    for character in value.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            other => text.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::families;
    use super::*;

    fn written(value: Value) -> String {
        let mut text = String::new();
        value.write(&mut text);
        text
    }

    #[test]
    fn labels_are_escaped_as_the_format_asks() {
        let mut page = Page::default();
        page.family(&families::COLLECTOR_INFO).sample(&["a\"b\\c\nd é"], 1_u64);
        assert!(page.into_text().ends_with("suar_collector_build_info{version=\"a\\\"b\\\\c\\nd é\"} 1\n"));
    }

    #[test]
    fn a_family_without_samples_is_not_mentioned_and_one_with_two_is_headed_once() {
        let mut page = Page::default();
        page.family(&families::SITE_UP).maybe(&["a"], None::<u64>);
        let mut samples = page.family(&families::COLLECTOR_QUEUE);
        samples.sample(&[], 2_u64);
        let text = page.into_text();
        assert_eq!(text.lines().filter(|line| line.starts_with('#')).count(), 2);
        assert!(text.ends_with("\nsuar_collector_queue_pushes 2\n"));
    }

    #[test]
    fn numbers_are_written_as_prometheus_reads_them() {
        assert_eq!(written(Value::millis(1_790_000_000_120)), "1790000000.12");
        assert_eq!(written(Value::millis(-5)), "-0.005");
        assert_eq!(written(Value::millis(i64::MIN)), "-9223372036854775.808");
        assert_eq!(written(Value::micros(20_000)), "0.02");
        assert_eq!(written(Value::micros(0)), "0");
        assert_eq!(written(Value::Real(f64::INFINITY)), "+Inf");
        assert_eq!(written(Value::Real(f64::NAN)), "NaN");
        assert_eq!(written(u64::MAX.into()), "9223372036854775807");
    }
}
