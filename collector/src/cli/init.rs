//! `suar-collector init`: a data directory that is ready to serve.

use std::path::PathBuf;

use anyhow::{Context, bail};

use crate::config::{EXAMPLE, is_host_and_port};
use crate::region::builtin;
use crate::store::admin::Admin;
use crate::store::schema;
use crate::{secrets, tls};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The directory to make
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Code of the built-in region: 19 is Kepulauan Bangka Belitung
    #[arg(long, value_name = "CODE", default_value = "19")]
    region: String,
    /// host:port of this collector as offices reach it; it goes into join codes
    #[arg(long, value_name = "HOST:PORT")]
    public_address: Option<String>,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let shown = arguments.data.display();
    if schema::main_file(&arguments.data).exists() {
        bail!("{shown} is a data directory already; nothing was changed");
    }
    check_region(&arguments.region)?;
    let mut names = Vec::new();
    if let Some(address) = &arguments.public_address {
        if !is_host_and_port(address) {
            bail!("--public-address: expected host:port, like suar.example.go.id:8443, found {address:?}");
        }
        names.extend(address.rsplit_once(':').map(|(host, _)| host.trim_matches(['[', ']']).to_owned()));
    }
    tls::private_dir(&arguments.data).with_context(|| format!("{shown} cannot be made"))?;
    let data = std::fs::canonicalize(&arguments.data).with_context(|| format!("{shown} cannot be found"))?;

    // The store last: its file says that everything else is there.
    if !tls::certificate_file(&data).exists() {
        let year = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).year();
        tls::make(&data, names, year)?;
    }
    if !tls::online_key_file(&data).exists() {
        let key: [u8; 32] = secrets::random()?;
        tls::write_private(&tls::online_key_file(&data), data_encoding::HEXLOWER.encode(&key).as_bytes())?;
    }
    let config = data.join("collector.toml");
    if !config.exists() {
        let text = configuration(&data.display().to_string(), arguments.public_address.as_deref());
        std::fs::write(&config, text).with_context(|| format!("{} cannot be written", config.display()))?;
    }
    schema::create(&data)?;
    Admin::open(&data)?.set_meta("region", &arguments.region)?;

    println!("Data directory: {}", data.display());
    println!("Configuration:  {}", config.display());
    println!("Next:           suar-collector serve --config {}", config.display());
    Ok(())
}

fn check_region(code: &str) -> anyhow::Result<()> {
    if builtin(code).is_none() {
        bail!("--region: only 19 is built in, found {code:?}");
    }
    Ok(())
}

/// The example with this directory and address in it; comments stay, they are its documentation.
fn configuration(data: &str, public_address: Option<&str>) -> String {
    let text = |value: &str| toml::Value::String(value.to_owned()).to_string();
    let mut lines = Vec::new();
    for line in EXAMPLE.lines() {
        lines.push(match (line.split_once(" = "), public_address) {
            (Some(("data", _)), _) => format!("data = {}", text(data)),
            (Some(("public_address", _)), Some(address)) => format!("public_address = {}", text(address)),
            _ => line.to_owned(),
        });
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn the_configuration_it_writes_is_the_example_with_its_own_places() {
        let text = configuration("/srv/suar \"x\"", Some("suar.example:443"));
        let config = Config::parse(&text).expect("it has no mistakes");
        assert_eq!(config.data.to_str(), Some("/srv/suar \"x\""));
        assert_eq!(config.listen.public_address, "suar.example:443");
    }
}
