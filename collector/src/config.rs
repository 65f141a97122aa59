//! The collector's configuration: one TOML file, unknown keys refused, all mistakes told at once.
//!
//! `deploy/examples/collector.toml` is the reference: it names every key with its default, and a test
//! holds it to that.

mod network;
mod receiver;
mod take;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use suar_wire::Plan;
use suar_wire::push::RECORDS_MAX;
use suar_wire::release::Key;

use crate::bandwidth;
use crate::calendar::Holidays;
use crate::coverage::Rules;
use crate::remote_write;

pub use network::Network;
use take::Taker;

/// The example, which is also what `init` writes.
pub const EXAMPLE: &str = include_str!("../../deploy/examples/collector.toml");

#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    pub data: PathBuf,
    pub listen: Listen,
    pub tls: TlsFiles,
    pub readers: Readers,
    /// Version 0 here; the store numbers it when it differs from the last one.
    pub plan: Plan,
    pub coverage: Rules,
    pub calendar: CalendarFile,
    /// The national holidays and what the calendar's file adds to them; [`Config::load`] reads it.
    pub holidays: Holidays,
    pub store: StoreOptions,
    pub bandwidth: bandwidth::Options,
    /// Who signs the agent's releases; `None`: there are none.
    pub update_key: Option<Key>,
    /// `None` sends nothing.
    pub remote_write: Option<remote_write::Options>,
    pub limits: Limits,
    pub log: Log,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    pub https: SocketAddr,
    /// Plain HTTP for the online check and health only.
    pub online: Option<SocketAddr>,
    /// `host:port` that goes into join codes.
    pub public_address: String,
}

/// PEM files; `None` means the self-made ones in the data directory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsFiles {
    pub certificate: Option<PathBuf>,
    pub key: Option<PathBuf>,
}

/// Who may read `/metrics` and `/api`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Readers {
    pub addresses: Vec<Network>,
    /// SHA-256 of reader tokens.
    pub token_hashes: Vec<[u8; 32]>,
}

/// Regional holidays and special hours.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CalendarFile {
    pub file: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreOptions {
    pub pack_seconds: u64,
    /// 0 keeps everything.
    pub keep_months: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    pub connections: usize,
    pub pushes_a_minute: u32,
    pub queue_pushes: usize,
    pub queue_records: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    pub level: String,
}

/// Why a configuration cannot be used. Both kinds end a command with exit code 64.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{}: cannot be read: {cause}", .file.display())]
    Unreadable { file: PathBuf, cause: std::io::Error },
    /// One line for each mistake.
    #[error("{}", .0.join("\n"))]
    Mistakes(Vec<String>),
}

/// Exit code of a wrong configuration (sysexits' EX_USAGE).
pub const EXIT_CODE: u8 = 64;

impl Config {
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(file)
            .map_err(|cause| ConfigError::Unreadable { file: file.to_owned(), cause })?;
        let mut config = Self::parse(&text).map_err(|mistakes| {
            let place = |mistake| format!("{}: {mistake}", file.display());
            ConfigError::Mistakes(mistakes.into_iter().map(place).collect())
        })?;
        if let Some(calendar) = &config.calendar.file {
            let text = std::fs::read_to_string(calendar)
                .map_err(|cause| ConfigError::Unreadable { file: calendar.clone(), cause })?;
            let added = Holidays::parse(&text, &calendar.display().to_string())
                .map_err(|error| ConfigError::Mistakes(vec![error.to_string()]))?;
            config.holidays = Holidays::national().with(added);
        }
        Ok(config)
    }

    /// The configuration, or every mistake as one sentence that names its key.
    pub fn parse(text: &str) -> Result<Self, Vec<String>> {
        let table = text.parse::<toml::Table>().map_err(|error| vec![format!("not TOML: {error}")])?;
        let mut root = Taker::new("", table);
        let data: String = root.take("data", "/var/lib/suar-collector".into(), "a directory in quotes");
        let config = Self {
            data: PathBuf::from(data),
            listen: listen(&mut root),
            tls: tls(&mut root),
            readers: readers(&mut root),
            plan: plan(&mut root),
            coverage: coverage(&mut root),
            calendar: calendar(&mut root),
            holidays: Holidays::national(),
            store: store(&mut root),
            bandwidth: bandwidth_tests(&mut root),
            update_key: update_key(&mut root),
            remote_write: receiver::take(&mut root),
            limits: limits(&mut root),
            log: log(&mut root),
        };
        let mistakes = root.finish();
        if mistakes.is_empty() { Ok(config) } else { Err(mistakes) }
    }
}

fn listen(root: &mut Taker) -> Listen {
    let mut section = root.section("listen");
    let address = "an address and port, like \"0.0.0.0:8443\"";
    let https = section.take("https", SocketAddr::from(([0, 0, 0, 0], 8443)), address);
    let online = section.take_text("online", "0.0.0.0:8080", |text| match text {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| format!("{address}, or \"\" to turn it off")),
    });
    let public_address = section.take_text("public_address", "127.0.0.1:8443", |text| {
        if is_host_and_port(text) {
            Ok(text.to_owned())
        } else {
            Err("host:port that offices can reach".to_owned())
        }
    });
    root.close(section);
    Listen { https, online, public_address }
}

/// A join code carries at most 100 bytes of it.
pub fn is_host_and_port(text: &str) -> bool {
    text.len() <= 100
        && text.rsplit_once(':').is_some_and(|(host, port)| {
            !host.is_empty()
                && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-_[]:".contains(c))
                && port.parse::<u16>().is_ok_and(|port| port > 0)
        })
}

fn calendar(root: &mut Taker) -> CalendarFile {
    let mut section = root.section("calendar");
    let file = section.take_text("file", "", |text| Ok((!text.is_empty()).then(|| PathBuf::from(text))));
    root.close(section);
    CalendarFile { file }
}

fn tls(root: &mut Taker) -> TlsFiles {
    let mut section = root.section("tls");
    let file = |text: &str| Ok((!text.is_empty()).then(|| PathBuf::from(text)));
    let certificate = section.take_text("certificate", "", file);
    let key = section.take_text("key", "", file);
    if certificate.is_some() != key.is_some() {
        section.mistake("key", "certificate and key belong together: name both files or leave both \"\"");
    }
    root.close(section);
    TlsFiles { certificate, key }
}

fn readers(root: &mut Taker) -> Readers {
    let mut section = root.section("readers");
    let loopback = vec!["127.0.0.1/32".to_owned(), "::1/128".to_owned()];
    let addresses = section.take_texts("addresses", loopback, |text| text.parse::<Network>());
    let token_hashes = section.take_texts("token_hashes", Vec::new(), |text| {
        data_encoding::HEXLOWER_PERMISSIVE
            .decode(text.as_bytes())
            .ok()
            .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
            // What stands there may be a token by mistake: it is not repeated.
            .ok_or_else(|| "64 hexadecimal digits, as `suar-collector reader-token` prints them".to_owned())
    });
    root.close(section);
    Readers { addresses, token_hashes }
}

fn plan(root: &mut Taker) -> Plan {
    let mut section = root.section("plan");
    let standard = Plan::standard();
    let address = "an address like \"1.1.1.1\"";
    let plan = Plan {
        version: 0,
        slot_seconds: section.take("slot_seconds", standard.slot_seconds, "1 to 3600 and a divisor of 86400"),
        targets: section.take("targets", standard.targets, "2 to 8 addresses in quotes"),
        echoes: section.take("echoes", standard.echoes, "1 to 10"),
        public_resolver: section.take("public_resolver", standard.public_resolver, address),
        dns_name: section.take("dns_name", standard.dns_name, "a host name in quotes"),
        dns_every: section.take("dns_every", standard.dns_every, "1 to 10000 rounds"),
        online_url: section
            .take_text("online_url", "", |text| Ok((!text.is_empty()).then(|| text.to_owned()))),
        online_every: section.take("online_every", standard.online_every, "1 to 10000 rounds"),
        push_seconds: section.take("push_seconds", standard.push_seconds, "1 to 86400 seconds"),
        health_seconds: section.take("health_seconds", standard.health_seconds, "1 to 86400 seconds"),
        // These come from each site.
        allowance_bytes: standard.allowance_bytes,
        metered: standard.metered,
        utc_offset_minutes: standard.utc_offset_minutes,
        program: standard.program,
    };
    for mistake in plan.mistakes() {
        section.mistake_of(&mistake);
    }
    root.close(section);
    plan
}

/// The keys are those of the rules themselves, so that a new rule needs no line here.
fn coverage(root: &mut Taker) -> Rules {
    let mut section = root.section("coverage");
    let defaults = toml::Table::try_from(Rules::default()).expect("rules are plain numbers");
    let mut table = toml::Table::new();
    for (key, default) in defaults {
        let value = match default {
            toml::Value::Integer(default) => section.take(&key, default, "a whole number").into(),
            toml::Value::Float(default) => section.take_float(&key, default).into(),
            other => other,
        };
        table.insert(key, value);
    }
    let rules: Rules = table.try_into().unwrap_or_else(|error: toml::de::Error| {
        section.mistake("", error.message());
        Rules::default()
    });
    for problem in rules.problems() {
        section.mistake_of(&problem);
    }
    root.close(section);
    rules
}

fn store(root: &mut Taker) -> StoreOptions {
    let mut section = root.section("store");
    let options = StoreOptions {
        pack_seconds: section.take_between("pack_seconds", 3_600, 1, 86_400),
        keep_months: section.take_between("keep_months", 0, 0, 1_200),
    };
    root.close(section);
    options
}

fn bandwidth_tests(root: &mut Taker) -> bandwidth::Options {
    let mut section = root.section("bandwidth");
    let options = bandwidth::Options {
        tests_a_day: section.take_between("tests_a_day", 4, 0, 24),
        udp: section.take("udp", true, "true or false"),
        tests_at_once: section.take_between("tests_at_once", 4, 1, 1_000),
        mbps_max: section.take_between("mbps_max", 50, 1, 10_000),
        test_mb_max: section.take_between("test_mb_max", 40, 1, 10_000),
        agent_day_mb_max: section.take_between("agent_day_mb_max", 200, 1, 1_000_000),
        address_day_mb_max: section.take_between("address_day_mb_max", 1_000, 1, 1_000_000),
        day_mb_max: section.take_between("day_mb_max", 50_000, 1, 100_000_000),
    };
    for (key, mb_max) in [
        ("agent_day_mb_max", options.agent_day_mb_max),
        ("address_day_mb_max", options.address_day_mb_max),
        ("day_mb_max", options.day_mb_max),
    ] {
        if mb_max < options.test_mb_max {
            let test = options.test_mb_max;
            section.mistake(key, &format!("{mb_max} is less than one test may spend (test_mb_max = {test})"));
        }
    }
    root.close(section);
    options
}

fn update_key(root: &mut Taker) -> Option<Key> {
    let mut section = root.section("update");
    let key = section.take_text("key", "", |text| match text {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| {
            "the second line of minisign's public key, which starts with RW, or \"\" for none".to_owned()
        }),
    });
    root.close(section);
    key
}

fn limits(root: &mut Taker) -> Limits {
    let mut section = root.section("limits");
    let limits = Limits {
        connections: section.take_between("connections", 2_000, 1, 1_000_000),
        pushes_a_minute: section.take_between("pushes_a_minute", 120, 1, 1_000_000),
        queue_pushes: section.take_between("queue_pushes", 1_024, 1, 1_000_000),
        // The largest push must find room beside what is kept for live ones.
        queue_records: section.take_between("queue_records", 100_000, 2 * RECORDS_MAX, 100_000_000),
    };
    root.close(section);
    limits
}

fn log(root: &mut Taker) -> Log {
    let mut section = root.section("log");
    let level = section.take_text("level", "info", |text| {
        tracing_subscriber::EnvFilter::try_new(text)
            .map(|_| text.to_owned())
            .map_err(|_| "error, warn, info, debug or a tracing filter".to_owned())
    });
    root.close(section);
    Log { level }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_example_parses_to_the_defaults() {
        assert_eq!(Config::parse(EXAMPLE), Config::parse(""));
        assert_eq!(Config::parse("").map(|config| config.plan.mistakes()), Ok(vec![]));
    }

    #[test]
    fn the_calendar_file_adds_to_the_national_days_and_its_mistakes_name_it() {
        let dir = tempfile::tempdir().expect("a directory");
        let (file, calendar) = (dir.path().join("collector.toml"), dir.path().join("calendar.csv"));
        std::fs::write(&file, format!("[calendar]\nfile = {:?}\n", calendar.display().to_string()))
            .expect("written");
        let load = |text: &str| {
            std::fs::write(&calendar, text).expect("written");
            Config::load(&file)
        };
        let config = load(include_str!("../../deploy/examples/calendar.csv")).expect("the example is right");
        assert_eq!(config.holidays.iter().count(), Holidays::national().iter().count() + 1 + 30);
        let error = load("2026-11-21,19,Hari jadi\n2026-02-30,19,Libur\n").expect_err("no such day");
        let place = format!("{}, line 2: \"2026-02-30\" is no date", calendar.display());
        assert!(error.to_string().contains(&place), "{error}");
    }

    #[test]
    fn every_mistake_is_told_at_once_with_its_key_and_what_would_be_right() {
        let wrong = r#"
            dat = "/x"
            [listen]
            https = "8443"
            [plan]
            slot_seconds = 7
            targets = ["1.1.1.1"]
            [coverage]
            availability_reliable = 99.0
            [limits]
            connections = 0
            [readers]
            addresses = ["10.0.0.0/40"]
            token_hashes = ["suar_r_secret"]
            [tls]
            certificate = "a.pem"
            [extra]
        "#;
        let mistakes = Config::parse(wrong).expect_err("all of it is wrong");
        let text = mistakes.join("\n");
        for part in [
            "dat: unknown, did you mean data?",
            "listen.https:",
            "plan.slot_seconds:",
            "plan.targets: 1 is outside 2 to 8",
            "coverage.availability_reliable: ",
            "limits.connections: found 0, expected a number from 1 to 1000000",
            "readers.addresses:",
            "readers.token_hashes:",
            "tls.key:",
            "extra: unknown",
        ] {
            assert!(text.contains(part), "{part} is missing in:\n{text}");
        }
        assert_eq!(mistakes.len(), 10, "{text}");
        assert!(!text.contains("suar_r_secret"), "a token must not reach the screen");
    }

    #[test]
    fn a_file_that_is_no_toml_says_where() {
        let text = Config::parse("data = ").expect_err("not TOML").join("");
        assert!(text.contains("line 1"), "{text}");
    }
}
