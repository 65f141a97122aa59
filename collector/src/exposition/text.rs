//! Prometheus' text format 0.0.4 and OpenMetrics 1.0.0: how a family, a label and a value are written. Never
//! a timestamp: one line older than the server's window would make the whole scrape fail.
//!
//! A country's page has millions of lines: they are written without the machinery of `format!`, and packed piece by
//! piece where they are to be packed.

use std::fmt::Write;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

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

/// What is written before it is packed.
const PIECE_BYTES: usize = 64 * 1024;

/// The page being written.
#[derive(Debug, Default)]
pub struct Page {
    text: String,
    format: Format,
    /// What came before `text`, where the page is packed.
    zip: Option<GzEncoder<Vec<u8>>>,
}

impl Page {
    pub fn new(format: Format, bytes_about: usize) -> Self {
        Self { text: String::with_capacity(bytes_about), format, zip: None }
    }

    /// One that is packed with gzip. The fastest level: names repeat so much that a better one gains little.
    pub fn packed(format: Format) -> Self {
        let text = String::with_capacity(PIECE_BYTES * 2);
        Self { text, format, zip: Some(GzEncoder::new(Vec::new(), Compression::fast())) }
    }

    /// Starts a family. All its samples have to follow before the next one starts.
    pub fn family<'a>(&'a mut self, family: &'static Family) -> Samples<'a> {
        Samples { page: self, family, headed: false }
    }

    pub fn into_bytes(mut self) -> Vec<u8> {
        if self.format == Format::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.pack();
        match self.zip {
            Some(zip) => zip.finish().expect(TAKES_EVERYTHING),
            None => self.text.into_bytes(),
        }
    }

    fn end_line(&mut self) {
        self.text.push('\n');
        if self.text.len() >= PIECE_BYTES {
            self.pack();
        }
    }

    fn pack(&mut self) {
        if let Some(zip) = &mut self.zip {
            zip.write_all(self.text.as_bytes()).expect(TAKES_EVERYTHING);
            self.text.clear();
        }
    }
}

const TAKES_EVERYTHING: &str = "memory takes everything";

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
        let text = &mut self.page.text;
        if !self.headed {
            let head = self.page.format.head_name(self.family);
            let kind = kind.label();
            write!(text, "# HELP {head} {help}\n# TYPE {head} {kind}\n").expect(TAKES_EVERYTHING);
            self.headed = true;
        }
        text.push_str(name);
        text.push_str(suffix);
        let labels = labels.iter().copied().zip(values.iter().copied()).chain(le.map(|le| ("le", le)));
        let mut before = '{';
        for (label, value) in labels {
            text.push(before);
            text.push_str(label);
            text.push_str("=\"");
            escape(value, text);
            text.push('"');
            before = ',';
        }
        text.push_str(if before == ',' { "} " } else { " " });
        value.write(text);
        self.page.end_line();
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
        match self {
            Self::Whole(value) => write_whole(value, text),
            Self::Real(value) if value.is_nan() => text.push_str("NaN"),
            Self::Real(value) if value.is_infinite() => {
                text.push_str(if value > 0.0 { "+Inf" } else { "-Inf" })
            }
            Self::Real(value) => write!(text, "{value}").expect(TAKES_EVERYTHING),
            Self::Scaled { value, decimals } => {
                let unit = 10_u64.pow(decimals);
                if value < 0 {
                    text.push('-');
                }
                write_digits(value.unsigned_abs() / unit, 1, text);
                let rest = value.unsigned_abs() % unit;
                if rest > 0 {
                    text.push('.');
                    write_digits(rest, decimals as usize, text);
                    text.truncate(text.trim_end_matches('0').len());
                }
            }
        }
    }
}

fn write_whole(value: i64, text: &mut String) {
    if value < 0 {
        text.push('-');
    }
    write_digits(value.unsigned_abs(), 1, text);
}

/// In decimal, with zeros before it up to `least` digits.
fn write_digits(mut value: u64, least: usize, text: &mut String) {
    const DIGITS_MAX: usize = 20;
    let mut digits = [b'0'; DIGITS_MAX];
    let mut from = DIGITS_MAX;
    while value > 0 {
        from -= 1;
        digits[from] += (value % 10) as u8;
        value /= 10;
    }
    let from = from.min(DIGITS_MAX.saturating_sub(least));
    text.extend(digits[from..].iter().map(|digit| char::from(*digit)));
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
    if !value.bytes().any(|byte| matches!(byte, b'\\' | b'"' | b'\n')) {
        return text.push_str(value);
    }
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

    fn text(page: Page) -> String {
        String::from_utf8(page.into_bytes()).expect("text")
    }

    fn written(value: Value) -> String {
        let mut text = String::new();
        value.write(&mut text);
        text
    }

    #[test]
    fn labels_are_escaped_as_the_format_asks() {
        let mut page = Page::default();
        page.family(&families::COLLECTOR_INFO).sample(&["a\"b\\c\nd é"], 1_u64);
        assert!(text(page).ends_with("suar_collector_build_info{version=\"a\\\"b\\\\c\\nd é\"} 1\n"));
    }

    #[test]
    fn a_family_without_samples_is_not_mentioned_and_one_with_two_is_headed_once() {
        let mut page = Page::default();
        page.family(&families::SITE_UP).maybe(&["a"], None::<u64>);
        let mut samples = page.family(&families::COLLECTOR_QUEUE);
        samples.sample(&[], 2_u64);
        let text = text(page);
        assert_eq!(text.lines().filter(|line| line.starts_with('#')).count(), 2);
        assert!(text.ends_with("\nsuar_collector_queue_pushes 2\n"));
    }

    #[test]
    fn a_packed_page_of_many_pieces_is_the_plain_one() {
        let written = |mut page: Page| {
            let mut samples = page.family(&families::SITE_UP);
            for number in 0..20_000_u64 {
                samples.sample(&[&number.to_string()], number);
            }
            page.into_bytes()
        };
        let plain = written(Page::new(Format::OpenMetrics, 0));
        assert!(plain.len() > 5 * PIECE_BYTES && plain.ends_with(b"# EOF\n"));
        let mut unpacked = Vec::new();
        let packed = written(Page::packed(Format::OpenMetrics));
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&*packed), &mut unpacked).expect("gzip");
        assert!(unpacked == plain, "{} and {} bytes", unpacked.len(), plain.len());
    }

    #[test]
    fn numbers_are_written_as_prometheus_reads_them() {
        assert_eq!(written(Value::millis(1_790_000_000_120)), "1790000000.12");
        assert_eq!(written(Value::millis(-5)), "-0.005");
        assert_eq!(written(Value::millis(i64::MIN)), "-9223372036854775.808");
        assert_eq!(written(Value::millis(0)), "0");
        assert_eq!(written(Value::millis(10_001)), "10.001");
        assert_eq!(written(i64::MIN.into()), "-9223372036854775808");
        assert_eq!(written(0_u64.into()), "0");
        assert_eq!(written(Value::micros(20_000)), "0.02");
        assert_eq!(written(Value::micros(0)), "0");
        assert_eq!(written(Value::Real(f64::INFINITY)), "+Inf");
        assert_eq!(written(Value::Real(f64::NAN)), "NaN");
        assert_eq!(written(u64::MAX.into()), "9223372036854775807");
    }
}
