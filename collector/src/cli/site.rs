//! `suar-collector site add|import|list|set`: the registry's command line.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use suar_machine::output::{self, say};
use suar_wire::SiteCode;

use crate::config::Config;
use crate::region::Region;
use crate::registry::{Site, csv, fields};
use crate::store::Reader;
use crate::store::admin::Admin;
use crate::wall_clock::now_ms;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: SiteCommand,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum SiteCommand {
    /// Add one site; with a village's code as CODE nothing else is needed
    Add(Box<AddArgs>),
    /// Add or change sites from a CSV file, all of them or none
    Import {
        /// Header: code,name,kind,village,island,latitude,longitude,link,provider,time_zone,hours,power_hours,allowance_mib,metered,subscribed_download_mbps,subscribed_upload_mbps,measured_from,contract,power_source,power_stated,contact; only village is needed
        file: PathBuf,
    },
    /// List all sites
    List {
        /// table for people, csv for programs, spreadsheet (csv with semicolons and decimal commas) to edit, json; csv and spreadsheet can be imported again
        #[arg(long, value_name = "FORMAT", default_value = "table", value_parser = ["table", "csv", "spreadsheet", "json"])]
        format: String,
    },
    /// Change fields of a site from now on: older reports stay as they were
    Set {
        /// The site's code
        code: SiteCode,
        /// e.g. hours=always link=geo_satellite power_hours= (nothing takes an optional field away)
        #[arg(value_name = "KEY=VALUE", required = true)]
        changes: Vec<String>,
    },
}

#[derive(Debug, Clone, clap::Args)]
struct AddArgs {
    /// The site's code; usually the village's Kemendagri code
    code: SiteCode,
    /// Kemendagri code of the village; CODE itself when left out
    #[arg(long, value_name = "CODE")]
    village: Option<String>,
    /// Name of the office; from the village when left out
    #[arg(long)]
    name: Option<String>,
    /// village_office (kelurahan too), school, health_post, hamlet or other
    #[arg(long)]
    kind: Option<String>,
    /// Code of the island; the village's when left out
    #[arg(long, value_name = "CODE")]
    island: Option<String>,
    /// Degrees, south is negative; the middle of the village's land when left out
    #[arg(long, allow_hyphen_values = true, requires = "longitude")]
    latitude: Option<String>,
    /// Degrees, east is positive
    #[arg(long, allow_hyphen_values = true, requires = "latitude")]
    longitude: Option<String>,
    /// fiber, radio, cellular, leo_satellite, geo_satellite or unknown
    #[arg(long)]
    link: Option<String>,
    /// Who the office gets its link from
    #[arg(long)]
    provider: Option<String>,
    /// wib, wita or wit
    #[arg(long)]
    time_zone: Option<String>,
    /// standard, always, or e.g. "mon-thu 08:00-16:00; fri 08:00-11:30,13:00-16:00"
    #[arg(long)]
    hours: Option<String>,
    /// Declared hours of power supply, written like hours
    #[arg(long)]
    power_hours: Option<String>,
    /// Data that monitoring may use in a month, all agents of the site together, MiB
    #[arg(long)]
    allowance_mib: Option<String>,
    /// yes or no: whether the link is paid by the amount of data; what the computers there say when left out
    #[arg(long)]
    metered: Option<String>,
    /// Rate the office pays for, Mbit/s, to the office
    #[arg(long)]
    subscribed_download_mbps: Option<String>,
    /// And from the office
    #[arg(long)]
    subscribed_upload_mbps: Option<String>,
    /// First day that counts, e.g. 2026-07-01; the moment the first agent joins when left out
    #[arg(long)]
    measured_from: Option<String>,
    /// Number of the contract for the link
    #[arg(long)]
    contract: Option<String>,
    /// Who stated the hours of power
    #[arg(long)]
    power_source: Option<String>,
    /// When they were stated, e.g. 2026-05-04
    #[arg(long, value_name = "DATE")]
    power_stated: Option<String>,
    /// Whom to call; never shown by reports and the API
    #[arg(long)]
    contact: Option<String>,
}

pub fn run(arguments: Arguments, config: &Config) -> anyhow::Result<()> {
    let region = Reader::open(&config.data)?.region()?;
    command(&config.data, region, &arguments.command, now_ms())
}

/// Does what the command says, with sites valid from `now_ms` on.
fn command(dir: &Path, region: &Region, command: &SiteCommand, now_ms: i64) -> anyhow::Result<()> {
    match command {
        SiteCommand::Add(args) => {
            let site = add(args, region)?;
            let known = Reader::open(dir)?.site(&site.code)?;
            ensure!(
                known.is_none(),
                "site {} is there already; change it with `site set {0} key=value`",
                site.code
            );
            Admin::open(dir)?.put_sites(std::slice::from_ref(&site), now_ms)?;
            say!("added {}: {}", site.code, site.name);
            Ok(())
        }
        SiteCommand::Import { file } => import(dir, region, file, now_ms),
        SiteCommand::List { format } => list(dir, format),
        SiteCommand::Set { code, changes } => set(dir, region, code, changes, now_ms),
    }
}

fn add(args: &AddArgs, region: &Region) -> anyhow::Result<Site> {
    let village = args.village.as_deref().unwrap_or(args.code.as_str());
    let mut site = fields::site_of_village(args.code.as_str(), village, region).map_err(|problem| {
        let hint = if args.village.is_none() { "; or name the village with --village" } else { "" };
        anyhow::anyhow!("{problem}{hint}")
    })?;
    let given = [
        ("name", &args.name),
        ("kind", &args.kind),
        ("island", &args.island),
        ("latitude", &args.latitude),
        ("longitude", &args.longitude),
        ("link", &args.link),
        ("provider", &args.provider),
        ("time_zone", &args.time_zone),
        ("hours", &args.hours),
        ("power_hours", &args.power_hours),
        ("allowance_mib", &args.allowance_mib),
        ("metered", &args.metered),
        ("subscribed_download_mbps", &args.subscribed_download_mbps),
        ("subscribed_upload_mbps", &args.subscribed_upload_mbps),
        ("measured_from", &args.measured_from),
        ("contract", &args.contract),
        ("power_source", &args.power_source),
        ("power_stated", &args.power_stated),
        ("contact", &args.contact),
    ];
    let texts = given.iter().filter_map(|(field, text)| text.as_deref().map(|text| (*field, text)));
    apply(&mut site, texts, region)?;
    Ok(site)
}

/// Sets fields and tells all mistakes at once.
fn apply<'a>(
    site: &mut Site,
    changes: impl Iterator<Item = (&'a str, &'a str)>,
    region: &Region,
) -> anyhow::Result<()> {
    let mut problems: Vec<String> = changes
        .filter_map(|(field, text)| {
            Some(format!("{field}: {}", fields::set(site, field, text, region).err()?))
        })
        .collect();
    if problems.is_empty() {
        problems.extend(fields::check(site, region).err().map(|problem| format!("the point {problem}")));
    }
    ensure!(problems.is_empty(), "{}", problems.join("\n"));
    Ok(())
}

fn import(dir: &Path, region: &Region, file: &Path, now_ms: i64) -> anyhow::Result<()> {
    let shown = file.display();
    let size = std::fs::metadata(file).with_context(|| format!("{shown} cannot be read"))?.len();
    ensure!(
        size <= csv::FILE_BYTES_MAX as u64,
        "{shown} has {size} bytes; a file of sites has at most {}",
        csv::FILE_BYTES_MAX
    );
    let bytes = std::fs::read(file).with_context(|| format!("{shown} cannot be read"))?;
    let Ok(text) = String::from_utf8(bytes) else {
        bail!("{shown} is no UTF-8 text; save it as \"CSV UTF-8\"");
    };
    let sites = match csv::read(&text, region) {
        Ok(sites) => sites,
        Err(mistakes) => bail!("{shown}: nothing was imported\n{mistakes}"),
    };
    let known = Reader::open(dir)?.sites()?;
    let find = |site: &Site| known.iter().find(|known| known.code == site.code);
    let (same, other): (Vec<Site>, Vec<Site>) = sites.into_iter().partition(|site| find(site) == Some(site));
    let changed = other.iter().filter(|site| find(site).is_some()).count();
    Admin::open(dir)?.put_sites(&other, now_ms)?;
    let added = other.len() - changed;
    say!("{added} added, {changed} changed, {} as they were", same.len());
    Ok(())
}

fn list(dir: &Path, format: &str) -> anyhow::Result<()> {
    let sites = Reader::open(dir)?.sites()?;
    let text = match format {
        "csv" => csv::write(&sites),
        "spreadsheet" => csv::write_for_spreadsheets(&sites),
        "json" => serde_json::to_string_pretty(&sites)? + "\n",
        _ => table(&sites),
    };
    output::write(format_args!("{text}"));
    Ok(())
}

fn table(sites: &[Site]) -> String {
    if sites.is_empty() {
        return "no sites yet; add one with `site add VILLAGE_CODE`\n".to_owned();
    }
    const COLUMNS: [&str; 6] = ["code", "name", "village", "island", "link", "hours"];
    let header = COLUMNS.map(|column| column.to_uppercase());
    let rows: Vec<[String; 6]> = std::iter::once(header)
        .chain(sites.iter().map(|site| COLUMNS.map(|column| fields::text_of(site, column))))
        .collect();
    let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..COLUMNS.len()).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn set(dir: &Path, region: &Region, code: &SiteCode, changes: &[String], now_ms: i64) -> anyhow::Result<()> {
    let Some(mut site) = Reader::open(dir)?.site(code)? else {
        bail!("there is no site {code}; `site list` shows all");
    };
    let mut pairs = Vec::new();
    for change in changes {
        let Some(pair) = change.split_once('=') else {
            bail!("{change:?} is no KEY=VALUE; e.g. hours=always");
        };
        pairs.push(pair);
    }
    apply(&mut site, pairs.into_iter(), region)?;
    Admin::open(dir)?.put_sites(std::slice::from_ref(&site), now_ms)?;
    say!("changed {code} from now on");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::region::builtin;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn run_in(dir: &Path, words: &[&str], now_ms: i64) -> Result<(), String> {
        let line =
            Line::try_parse_from(std::iter::once(&"site").chain(words)).map_err(|error| error.to_string())?;
        let region = builtin("19").expect("built in");
        command(dir, region, &line.arguments.command, now_ms).map_err(|error| format!("{error:#}"))
    }

    fn store() -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a directory");
        crate::store::schema::create(dir.path()).expect("a store");
        dir
    }

    #[test]
    fn a_village_code_is_all_that_a_new_site_needs() {
        let dir = store();
        run_in(dir.path(), &["add", "19.02.03.2002"], 1_000).expect("added");
        let again = run_in(dir.path(), &["add", "19.02.03.2002"], 2_000).expect_err("there already");
        assert!(again.contains("is there already"), "{again}");
        let sites = Reader::open(dir.path()).expect("a store").sites().expect("sites");
        assert_eq!(sites[0].name, "Kantor Desa Petaling");
    }

    #[test]
    fn all_wrong_fields_of_one_command_are_told_at_once() {
        let dir = store();
        let told = run_in(
            dir.path(),
            &["add", "a", "--village", "19.02.03.2002", "--link", "laser", "--hours", "daily"],
            0,
        )
        .expect_err("wrong");
        assert!(told.contains("link: one of fiber") && told.contains("hours: \"daily\""), "{told}");
        let told = run_in(dir.path(), &["add", "kantor-1"], 0).expect_err("no village");
        assert!(told.contains("--village"), "{told}");
    }

    #[test]
    fn a_change_is_kept_beside_the_version_before() {
        let dir = store();
        run_in(dir.path(), &["add", "19.02.03.2002"], 1_000).expect("added");
        run_in(dir.path(), &["set", "19.02.03.2002", "hours=always", "link=fiber"], 2_000).expect("changed");
        let reader = Reader::open(dir.path()).expect("a store");
        let hours_at = |at_ms| reader.sites_at(at_ms).expect("sites")[0].hours.to_string();
        assert_eq!((hours_at(1_500), hours_at(2_500)), ("standard".to_owned(), "always".to_owned()));
        let unknown = run_in(dir.path(), &["set", "nowhere", "hours=always"], 3_000).expect_err("unknown");
        assert!(unknown.contains("there is no site nowhere"), "{unknown}");
    }

    #[test]
    fn an_import_with_one_mistake_changes_nothing() {
        let dir = store();
        let file = dir.path().join("sites.csv");
        let path = file.to_str().expect("text");
        std::fs::write(&file, "village\n19.02.03.2001\n19.99.03.2001\n").expect("written");
        let told = run_in(dir.path(), &["import", path], 1_000).expect_err("a mistake");
        assert!(told.contains("nothing was imported") && told.contains("row 3, village"), "{told}");
        assert!(Reader::open(dir.path()).expect("a store").sites().expect("sites").is_empty());
        std::fs::write(&file, "village\n19.02.03.2001\n19.02.03.2002\n").expect("written");
        run_in(dir.path(), &["import", path], 2_000).expect("sound");
        run_in(dir.path(), &["import", path], 3_000).expect("sound again");
        let versions = Reader::open(dir.path()).expect("a store").site_versions().expect("versions");
        assert_eq!(versions.len(), 2, "an unchanged site gets no new version");
        std::fs::write(&file, [0xff, 0xfe, b'v']).expect("written");
        assert!(run_in(dir.path(), &["import", path], 4_000).expect_err("no text").contains("UTF-8"));
    }
}
