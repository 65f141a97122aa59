//! `join-code` and `reader-token`: who is let in.

use anyhow::{Context, bail};
use suar_wire::SiteCode;
use suar_wire::join_code::JoinCode as Code;

use crate::config::Config;
use crate::secrets::{self, TokenKind};
use crate::store::Reader;
use crate::store::admin::Admin;
use crate::tls;
use crate::wall_clock::{MS_A_DAY, now_ms};

#[derive(Debug, clap::Args)]
pub struct JoinCode {
    /// Code of the site
    site: String,
    /// How many agents may join with it
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    uses: u32,
    /// Days until it expires
    #[arg(long, value_name = "N", default_value_t = 14, value_parser = clap::value_parser!(u32).range(1..=366))]
    days: u32,
}

pub fn join_code(arguments: &JoinCode, config: &Config) -> anyhow::Result<()> {
    let code = new_join_code(config, &arguments.site, arguments.uses, arguments.days)?;
    println!("{code}");
    let agents =
        if arguments.uses == 1 { "one agent".to_owned() } else { format!("{} agents", arguments.uses) };
    eprintln!(
        "Good for {agents} of {} for {} days. At the office: suar-agent join CODE",
        arguments.site, arguments.days
    );
    Ok(())
}

fn new_join_code(config: &Config, site: &str, uses: u32, days: u32) -> anyhow::Result<Code> {
    let no_such = || format!("there is no site {site:?}; `suar-collector site list` shows the codes");
    let code: SiteCode = site.parse().with_context(no_such)?;
    if Reader::open(&config.data)?.site(&code)?.is_none() {
        bail!(no_such());
    }
    let secret = secrets::random()?;
    let expires_ms = now_ms().saturating_add(i64::from(days) * MS_A_DAY);
    let fingerprint = tls::fingerprint(config)?;
    Admin::open(&config.data)?.put_join_code(secrets::hash(&secret), &code, expires_ms, uses)?;
    Ok(Code { address: config.listen.public_address.clone(), fingerprint, site: code, secret })
}

pub fn reader_token() -> anyhow::Result<()> {
    let token = secrets::new_token(TokenKind::Reader)?;
    let hash = data_encoding::HEXLOWER.encode(&secrets::hash(token.as_bytes()));
    println!("token:      {token}");
    println!("token_hash: {hash}");
    eprintln!("Give the token to the reader; put the hash into [readers] token_hashes and restart.");
    Ok(())
}
