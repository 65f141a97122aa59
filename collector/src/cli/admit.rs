//! `join-code` and `reader-token`: who is let in.
//!
//! Codes are handed out here and nowhere else: no page of the collector gives one to a stranger.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use suar_machine::output::{self, say, tell};
use suar_wire::SiteCode;
use suar_wire::join_code::JoinCode as Code;

use super::codes;
use crate::config::Config;
use crate::join_sheet::{self, Sheet};
use crate::qr::Qr;
use crate::region::Region;
use crate::registry::Site;
use crate::report::Paper;
use crate::secrets::{self, TokenKind};
use crate::store::Reader;
use crate::store::admin::Admin;
use crate::tls;
use crate::wall_clock::{MS_A_DAY, now_ms};

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct JoinCode {
    #[command(subcommand)]
    command: Option<codes::Command>,
    /// Code of the site; of several sites, each gets a code of its own and a line `SITE CODE`
    #[arg(required = true, num_args = 1.., value_name = "SITE")]
    sites: Vec<String>,
    /// How many agents may join with it
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    uses: u32,
    /// Days until it expires
    #[arg(long, value_name = "N", default_value_t = 14, value_parser = clap::value_parser!(u32).range(1..=366))]
    days: u32,
    /// Draw it as a QR code too, even when this is no terminal
    #[arg(long)]
    qr: bool,
    /// Write a printable page for each site into a new HTML file: code, QR code and the steps at the office
    #[arg(long, value_name = "FILE")]
    sheet: Option<PathBuf>,
    /// Paper of the sheet: a4 or f4
    #[arg(long, value_name = "SIZE", default_value = "a4")]
    paper: Paper,
}

pub fn join_code(arguments: &JoinCode, config: &Config) -> anyhow::Result<()> {
    if let Some(command) = &arguments.command {
        return codes::run(command, config);
    }
    let reader = Reader::open(&config.data)?;
    // Every site is looked up before the first code is made: all of them or none.
    let sites: Vec<Site> =
        arguments.sites.iter().map(|site| site_of(&reader, site)).collect::<anyhow::Result<_>>()?;
    if let Some(file) = &arguments.sheet {
        ensure!(!file.exists(), "{} is there already; name a new file for the sheet", file.display());
        let directory = file.parent().filter(|directory| !directory.as_os_str().is_empty());
        let there = directory.is_none_or(|directory| directory.is_dir());
        ensure!(there, "{} cannot be made: there is no such directory", file.display());
    }
    let expires_ms = now_ms().saturating_add(i64::from(arguments.days) * MS_A_DAY);
    let fingerprint = tls::fingerprint(config)?;
    let mut admin = Admin::open(&config.data)?;
    let mut sheets = Vec::new();
    for site in sites {
        let secret = secrets::random()?;
        admin.put_join_code(secrets::hash(&secret), &site.code, expires_ms, arguments.uses)?;
        let address = config.listen.public_address.clone();
        sheets.push(Sheet {
            code: Code { address, fingerprint, site: site.code.clone(), secret },
            place: place(reader.region()?, &site.village),
            site_name: site.name,
            time_zone: site.time_zone,
            expires_ms,
            uses: arguments.uses,
        });
    }
    // First, so that a disk that is full leaves no half of an answer.
    if let Some(file) = &arguments.sheet {
        write_sheets(file, &sheets, arguments.paper)?;
    }
    say(arguments, &sheets)
}

/// Codes to standard output, where scripts read them; everything else beside it.
fn say(arguments: &JoinCode, sheets: &[Sheet]) -> anyhow::Result<()> {
    let draw = arguments.qr || (std::io::stdout().is_terminal() && arguments.sheet.is_none());
    for Sheet { code, .. } in sheets {
        if sheets.len() == 1 {
            say!("{code}");
        } else {
            say!("{} {code}", code.site);
        }
        if draw {
            output::write(format_args!("{}", Qr::of(&code.to_string())?.terminal()));
        }
    }
    let agents =
        if arguments.uses == 1 { "one agent".to_owned() } else { format!("{} agents", arguments.uses) };
    let of = match sheets {
        [sheet] => sheet.code.site.to_string(),
        _ => "its site".to_owned(),
    };
    tell!("Good for {agents} of {of} for {} days. At the office: suar-agent join CODE", arguments.days);
    Ok(())
}

fn write_sheets(file: &Path, sheets: &[Sheet], paper: Paper) -> anyhow::Result<()> {
    tls::write_private(file, join_sheet::render(sheets, paper)?.as_bytes())?;
    let pages = if sheets.len() == 1 { "one page".to_owned() } else { format!("{} pages", sheets.len()) };
    tell!("{}: {pages}, to be printed and kept secret until used", file.display());
    Ok(())
}

fn site_of(reader: &Reader, site: &str) -> anyhow::Result<Site> {
    let no_such = || format!("there is no site {site:?}; `suar-collector site list` shows the codes");
    let code: SiteCode = site.parse().with_context(no_such)?;
    match reader.site(&code)? {
        Some(site) => Ok(site),
        None => bail!(no_such()),
    }
}

/// Village, district and regency, as far as the region knows them.
fn place(region: &Region, village: &str) -> String {
    let Some(village) = region.village(village) else { return String::new() };
    let district = region.district(&village.district_code).map(|district| &district.name);
    let regency = region.regency(&village.regency_code).map(|regency| regency.name.clone());
    let names = [
        Some(village.office_name().trim_start_matches("Kantor ").to_owned()),
        district.map(|name| format!("Kecamatan {name}")),
        regency,
    ];
    names.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

pub fn reader_token() -> anyhow::Result<()> {
    let token = secrets::new_token(TokenKind::Reader)?;
    let hash = data_encoding::HEXLOWER.encode(&secrets::hash(token.as_bytes()));
    say!("token:      {token}");
    say!("token_hash: {hash}");
    tell!("Give the token to the reader; put the hash into [readers] token_hashes and restart.");
    Ok(())
}
