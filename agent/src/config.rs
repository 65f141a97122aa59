//! The agent's configuration file. Unknown keys are refused, and all mistakes are told at once, each with
//! what would be right: whoever edits this file may have come by boat.

use std::fmt;
use std::path::{Path, PathBuf};

use suar_wire::release::Key;
use toml::{Table, Value};

use crate::language::Language;
use crate::tls::Fingerprint;

mod render;

pub use render::render;

/// Exit code of a program that was configured wrongly (`EX_USAGE`).
pub const EXIT_CODE: u8 = 64;
/// Most bytes that are read of a configuration file.
const FILE_BYTES_MAX: u64 = 256 * 1024;
/// Bounds of `spool.bytes_max`: a segment or two, and what an old SD card has left.
const SPOOL_BYTES: std::ops::RangeInclusive<u64> = 256 * 1024..=4 * 1024 * 1024 * 1024;

/// Bounds of `update.trial_seconds`.
const TRIAL_SECONDS: std::ops::RangeInclusive<u32> = 5..=86_400;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `host:port`.
    pub collector: String,
    pub fingerprint: Fingerprint,
    pub language: Language,
    pub state: PathBuf,
    pub runtime: PathBuf,
    pub spool_bytes_max: u64,
    /// Whose releases are run; none: only what was installed.
    pub update_key: Option<Key>,
    /// How long a new program may take to reach the collector.
    pub trial_seconds: u32,
    /// A tracing filter.
    pub log_level: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            collector: "127.0.0.1:8443".to_owned(),
            fingerprint: [0; 16],
            language: Language::Id,
            state: default_state(),
            runtime: default_runtime(),
            spool_bytes_max: 32 * 1024 * 1024,
            update_key: None,
            trial_seconds: 3_600,
            log_level: "info".to_owned(),
        }
    }
}

impl Config {
    pub fn spool(&self) -> PathBuf {
        self.state.join("spool")
    }
}

pub fn default_path() -> PathBuf {
    if cfg!(windows) { program_data().join("agent.toml") } else { PathBuf::from("/etc/suar/agent.toml") }
}

fn default_state() -> PathBuf {
    if cfg!(windows) { program_data().join("state") } else { PathBuf::from("/var/lib/suar-agent") }
}

fn default_runtime() -> PathBuf {
    if cfg!(windows) { program_data().join("run") } else { PathBuf::from("/run/suar-agent") }
}

fn program_data() -> PathBuf {
    std::env::var_os("ProgramData")
        .map_or_else(|| PathBuf::from(r"C:\ProgramData"), PathBuf::from)
        .join("Suar")
}

/// Every mistake of a file, one a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Mistakes {
    pub file: PathBuf,
    pub mistakes: Vec<String>,
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, mistake) in self.mistakes.iter().enumerate() {
            let newline = if at == 0 { "" } else { "\n" };
            write!(f, "{newline}{}: {mistake}", self.file.display())?;
        }
        Ok(())
    }
}

pub fn read(file: &Path) -> Result<Config, Mistakes> {
    use std::io::Read;
    let mut text = String::new();
    let read = std::fs::File::open(file).and_then(|open| open.take(FILE_BYTES_MAX).read_to_string(&mut text));
    match read {
        Ok(_) => parse(file, &text),
        Err(error) => {
            let hint = if error.kind() == std::io::ErrorKind::NotFound {
                "; `suar-agent join CODE` writes it"
            } else {
                ""
            };
            Err(Mistakes { file: file.to_owned(), mistakes: vec![format!("cannot be read: {error}{hint}")] })
        }
    }
}

/// Turns the text of a configuration file into a configuration. `file` only names it in messages.
pub fn parse(file: &Path, text: &str) -> Result<Config, Mistakes> {
    let wrong = |mistakes| Mistakes { file: file.to_owned(), mistakes };
    let table: Table =
        text.parse().map_err(|error: toml::de::Error| wrong(vec![syntax_mistake(text, &error)]))?;
    let mut mistakes = Vec::new();
    let config = from_table(table, &mut mistakes);
    if mistakes.is_empty() { Ok(config) } else { Err(wrong(mistakes)) }
}

fn syntax_mistake(text: &str, error: &toml::de::Error) -> String {
    let line = error
        .span()
        .map_or(1, |span| text.as_bytes().iter().take(span.start).filter(|byte| **byte == b'\n').count() + 1);
    format!("line {line}: {}", error.message())
}

fn from_table(table: Table, mistakes: &mut Vec<String>) -> Config {
    let default = Config::default();
    let mut keys = Keys { section: "", table, mistakes };
    let mut config = Config {
        collector: keys.take(
            "collector",
            "host:port, e.g. \"suar.example.go.id:8443\"",
            default.collector,
            address,
        ),
        fingerprint: keys.take(
            "fingerprint",
            "32 hexadecimal digits, as `suar-agent join` writes them",
            default.fingerprint,
            fingerprint,
        ),
        language: keys.take("language", "\"id\" or \"en\"", default.language, language),
        state: keys.take("state", "the absolute path of a directory", default.state, directory),
        runtime: keys.take("runtime", "the absolute path of a directory", default.runtime, directory),
        spool_bytes_max: default.spool_bytes_max,
        update_key: default.update_key,
        trial_seconds: default.trial_seconds,
        log_level: default.log_level,
    };
    let spool = keys.section("spool");
    let update = keys.section("update");
    let log = keys.section("log");
    keys.refuse_the_rest("collector, fingerprint, language, state, runtime, [spool], [update], [log]");

    let mut keys = Keys { section: "spool.", table: spool, mistakes };
    let expect = format!("a number of bytes from {} to {}", SPOOL_BYTES.start(), SPOOL_BYTES.end());
    config.spool_bytes_max = keys.take("bytes_max", &expect, config.spool_bytes_max, |value| {
        u64::try_from(value.as_integer()?).ok().filter(|bytes| SPOOL_BYTES.contains(bytes))
    });
    keys.refuse_the_rest("bytes_max");

    let mut keys = Keys { section: "update.", table: update, mistakes };
    let expect = "a public key of minisign, e.g. \"RWQ...\", or \"\" for none";
    config.update_key = keys.take("key", expect, config.update_key, update_key);
    let expect = format!("a number of seconds from {} to {}", TRIAL_SECONDS.start(), TRIAL_SECONDS.end());
    config.trial_seconds = keys.take("trial_seconds", &expect, config.trial_seconds, |value| {
        u32::try_from(value.as_integer()?).ok().filter(|seconds| TRIAL_SECONDS.contains(seconds))
    });
    keys.refuse_the_rest("key, trial_seconds");

    let mut keys = Keys { section: "log.", table: log, mistakes };
    config.log_level =
        keys.take("level", "error, warn, info, debug, or a tracing filter", config.log_level, filter);
    keys.refuse_the_rest("level");
    config
}

/// One table of the file, emptied key by key, so that what is left over is unknown.
struct Keys<'m> {
    section: &'static str,
    table: Table,
    mistakes: &'m mut Vec<String>,
}

impl Keys<'_> {
    fn take<T>(&mut self, key: &str, expect: &str, default: T, read: impl Fn(&Value) -> Option<T>) -> T {
        let Some(value) = self.table.remove(key) else { return default };
        read(&value).unwrap_or_else(|| {
            let section = self.section;
            self.mistakes.push(format!("{section}{key}: {} is not {expect}", shown(&value)));
            default
        })
    }

    fn section(&mut self, name: &str) -> Table {
        match self.table.remove(name) {
            None => Table::new(),
            Some(Value::Table(table)) => table,
            Some(other) => {
                self.mistakes.push(format!("{name}: {} is not a section; write [{name}]", shown(&other)));
                Table::new()
            }
        }
    }

    fn refuse_the_rest(self, known: &str) {
        for key in self.table.keys() {
            self.mistakes.push(format!("{}{key}: unknown key; there are {known}", self.section));
        }
    }
}

/// A value as in the file, cut where somebody pasted a novel.
fn shown(value: &Value) -> String {
    const CHARS_MAX: usize = 60;
    let text = value.to_string();
    if text.chars().count() <= CHARS_MAX {
        return text;
    }
    text.chars().take(CHARS_MAX).chain("...".chars()).collect()
}

fn address(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    let (host, port) = text.rsplit_once(':')?;
    let host_ok = !host.is_empty()
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte))
        // An IPv6 address needs its brackets, or its last group is taken for the port.
        && (!host.contains(':') || (host.starts_with('[') && host.ends_with(']')));
    (host_ok && port.parse::<u16>().is_ok_and(|port| port > 0)).then(|| text.to_owned())
}

fn fingerprint(value: &Value) -> Option<Fingerprint> {
    data_encoding::HEXLOWER_PERMISSIVE.decode(value.as_str()?.as_bytes()).ok()?.try_into().ok()
}

fn update_key(value: &Value) -> Option<Option<Key>> {
    match value.as_str()? {
        "" => Some(None),
        text => text.parse().ok().map(Some),
    }
}

fn language(value: &Value) -> Option<Language> {
    match value.as_str()? {
        "id" => Some(Language::Id),
        "en" => Some(Language::En),
        _ => None,
    }
}

fn directory(value: &Value) -> Option<PathBuf> {
    Some(PathBuf::from(value.as_str()?)).filter(|path| path.is_absolute())
}

fn filter(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    // tracing takes any word for the name of a module; a lone word is meant as a level.
    let lone_word = !text.contains(['=', ',']);
    let known = ["off", "error", "warn", "info", "debug", "trace"].contains(&text.to_lowercase().as_str());
    let parses = tracing_subscriber::EnvFilter::try_new(text).is_ok();
    (parses && (known || !lone_word)).then(|| text.to_owned())
}

#[cfg(test)]
#[path = "config/tests.rs"]
mod tests;
