//! Writes a configuration file as the shipped example with its values replaced, so that what `join` leaves
//! on a machine explains every key.

use suar_wire::release::Key;

use super::Config;
use crate::language::Language;

const EXAMPLE: &str = include_str!("../../../deploy/examples/agent.toml");

/// A file that reads back as this configuration.
pub fn render(config: &Config) -> String {
    let language = match config.language {
        Language::Id => "id",
        Language::En => "en",
    };
    let values = [
        ("collector", quoted(&config.collector)),
        ("fingerprint", quoted(&data_encoding::HEXLOWER.encode(&config.fingerprint))),
        ("language", quoted(language)),
        ("state", quoted(&config.state.display().to_string())),
        ("runtime", quoted(&config.runtime.display().to_string())),
        ("bytes_max", config.spool_bytes_max.to_string()),
        ("key", quoted(config.update_key.as_ref().map_or("", Key::as_str))),
        ("trial_seconds", config.trial_seconds.to_string()),
        ("level", quoted(&config.log_level)),
    ];
    EXAMPLE.lines().map(|line| replaced(line, &values) + "\n").collect()
}

fn replaced(line: &str, values: &[(&str, String)]) -> String {
    let key = line.split_once(" = ").map_or("", |(key, _)| key);
    match values.iter().find(|(name, _)| *name == key) {
        Some((_, value)) => format!("{key} = {value}"),
        None => line.to_owned(),
    }
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}
