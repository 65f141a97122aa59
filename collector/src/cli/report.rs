//! `suar-collector report`: reads the store, has it judged, writes the report.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use suar_machine::output::{self, tell};

use super::progress::Progress;
use crate::assessment::{Assessment, Request, assess_with};
use crate::calendar::{PeriodName, TimeZone, day_of_date, moment_of};
use crate::config::Config;
use crate::report::{Format, Language, Letter, Paper, Report};
use crate::store::Reader;
use crate::wall_clock::now_ms;

/// What to report about and how.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// 2026-Q3, 2026-S2, 2026-09, 2026, 2026-07-01..2026-09-30, or local times (WIB) 2026-11-24T01:00..2026-11-24T02:00; the running quarter when left out
    #[arg(long, value_name = "PERIOD")]
    period: Option<PeriodName>,
    /// Another period to compare with, e.g. the one before
    #[arg(long, value_name = "PERIOD")]
    compare: Option<PeriodName>,
    /// Code of a regency, district, village, island or site; the whole province when left out
    #[arg(long, value_name = "CODE")]
    scope: Option<String>,
    /// md, csv, json, xlsx, html or pdf
    #[arg(long, value_name = "FORMAT", default_value = "md")]
    format: Format,
    /// By the thresholds and special days that were in force on this day, e.g. 2026-12-31; those at the end of the period when left out, so that an old report made again is the same
    #[arg(long, value_name = "DATE")]
    rules_of: Option<jiff::civil::Date>,
    /// As if it were this moment (WIB), e.g. 2026-10-05T08:07: a running period is cut there, and the report is dated with it, so that one made again is the same to the byte; now when left out
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    as_of: Option<i64>,
    /// id or en
    #[arg(long, value_name = "LANGUAGE", default_value = "id")]
    lang: Language,
    /// a4 or f4: what pdf, html and xlsx are printed on
    #[arg(long, value_name = "PAPER", default_value = "a4")]
    paper: Paper,
    /// TOML file with letter head and signature; both are blank when left out
    #[arg(long, value_name = "FILE")]
    letter: Option<PathBuf>,
    /// File to write; standard output when left out
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub fn run(arguments: Arguments, config: &Config) -> anyhow::Result<()> {
    let Arguments { format, lang, .. } = arguments;
    anyhow::ensure!(
        arguments.out.is_some() || format.is_text(),
        "a report as {} is no text for a screen; name its file with --out",
        format.extension()
    );
    report(&config.data, config, &arguments, now_ms().div_euclid(1000), |report| match &arguments.out {
        Some(file) => write(report, &arguments, file)
            .with_context(|| format!("the report could not be written to {}", file.display())),
        None => {
            let text = report.render(format, lang)?;
            output::write(format_args!("{}", String::from_utf8_lossy(&text)));
            Ok(())
        }
    })
}

fn write(report: &Report<'_>, arguments: &Arguments, file: &Path) -> anyhow::Result<()> {
    let mut out = BufWriter::new(File::create(file)?);
    report.write(arguments.format, arguments.lang, &mut out)?;
    Ok(out.flush()?)
}

fn moment(text: &str) -> Result<i64, String> {
    moment_of(text).ok_or_else(|| format!("a local moment like 2026-10-05T08:07, found {text:?}"))
}

/// Has the report of a data directory as it is at `now_s` written. Changes nothing in the directory.
fn report<T>(
    dir: &Path,
    config: &Config,
    args: &Arguments,
    now_s: i64,
    write: impl FnOnce(&Report<'_>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    anyhow::ensure!(args.as_of.is_none_or(|as_of| as_of <= now_s), "--as-of: this moment has not come yet");
    let now_s = args.as_of.unwrap_or(now_s);
    let reader = Reader::open(dir)?;
    let region = reader.region()?;
    if not_in_force(&reader, config)? {
        tell!(
            "the configuration's thresholds or special days are not in force yet: they count from the next start of \
             `suar-collector serve` on; this report goes by those that are"
        );
    }
    let name = args.period.unwrap_or_else(|| PeriodName::quarter_at(now_s));
    let request = Request {
        region,
        rules: &config.coverage,
        holidays: &config.holidays,
        rules_at_s: args.rules_of.map(|date| TimeZone::Wib.day_start_s(day_of_date(date) + 1).min(now_s)),
        name,
        scope: args.scope.as_deref(),
        now_s,
    };
    let progress = Progress::on_stderr();
    let of = |request: Request<'_>| -> anyhow::Result<Assessment> {
        let helpers = (1..threads()).map(|_| Reader::open(dir)).collect::<Result<_, _>>()?;
        let what = format!("{}: offices judged", request.name);
        Ok(assess_with(&reader, helpers, request, &|done, all| progress.tell(&what, done, all))?)
    };
    let assessment = of(request)?;
    let before = args.compare.map(|name| of(Request { name, ..request })).transpose()?;
    drop(progress);
    let letter = args.letter.as_deref().map_or(Ok(Letter::default()), letter_of)?;
    write(&Report {
        assessment: &assessment,
        before: before.as_ref(),
        region,
        generated_at_s: now_s,
        letter: &letter,
        paper: args.paper,
    })
}

/// Whether the configuration says something else than what counted last. The collector dates it when it starts: a
/// report that dated it would change the reports after it.
fn not_in_force(reader: &Reader, config: &Config) -> anyhow::Result<bool> {
    let last = reader.rules_in_force(i64::MAX)?;
    Ok(last.is_some_and(|last| last.rules != config.coverage || last.holidays != config.holidays))
}

/// As many as there are cores, up to a few: more would wait for the disk.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().min(4))
}

fn letter_of(file: &Path) -> anyhow::Result<Letter> {
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file).with_context(|| format!("{name} could not be read"))?;
    Letter::parse(&text, &name).map_err(anyhow::Error::msg)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::Holidays;
    use crate::coverage::Rules;
    use crate::store::admin::Admin;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    /// 2026-11-24T12:00 WIB.
    const NOW_S: i64 = 1_795_496_400;

    fn render(dir: &Path, config: &Config, line: &Line, now_s: i64) -> anyhow::Result<Vec<u8>> {
        let Arguments { format, lang, .. } = line.arguments;
        report(dir, config, &line.arguments, now_s, |report| Ok(report.render(format, lang)?))
    }

    fn report_of(words: &[&str]) -> Result<String, String> {
        let dir = tempfile::tempdir().expect("a directory");
        crate::store::schema::create(dir.path()).expect("a store");
        let line = Line::try_parse_from(std::iter::once(&"report").chain(words))
            .map_err(|error| error.to_string())?;
        Admin::open(dir.path()).and_then(|mut admin| admin.set_region("19")).expect("a region");
        render(dir.path(), &Config::parse("").expect("defaults"), &line, NOW_S)
            .map(|made| String::from_utf8_lossy(&made).into_owned())
            .map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn an_empty_store_reports_the_running_quarter_without_inventing_anything() {
        let text = report_of(&[]).expect("a report");
        assert!(text.contains("Triwulan IV 2026") && text.contains("masih berjalan"), "{text}");
        assert!(text.contains("Belum ada kantor terdaftar"), "{text}");
    }

    #[test]
    fn an_old_report_made_again_goes_by_the_rules_of_its_time() {
        let dir = tempfile::tempdir().expect("a directory");
        crate::store::schema::create(dir.path()).expect("a store");
        let mut admin = Admin::open(dir.path()).expect("open");
        admin.set_region("19").expect("a region");
        let holidays = Holidays::national();
        let day_ms = 86_400_000;
        admin.date_rules(&Rules::default(), &holidays, NOW_S * 1000 - 200 * day_ms).expect("dated");
        let strict = Rules { availability_reliable: 0.995, ..Rules::default() };
        let config = Config { coverage: strict.clone(), ..Config::parse("").expect("defaults") };
        let made = |words: &[&str]| {
            let words = ["report", "--format", "json"].iter().chain(words);
            let line = Line::try_parse_from(words).expect("arguments");
            render(dir.path(), &config, &line, NOW_S).expect("a report")
        };
        let before = made(&["--period", "2026-Q3"]);
        admin.date_rules(&strict, &holidays, NOW_S * 1000 - day_ms).expect("dated");
        assert_eq!(made(&["--period", "2026-Q3"]), before);
        let of = |made: Vec<u8>| {
            let report: serde_json::Value = serde_json::from_slice(&made).expect("JSON");
            report["rules"]["availability_reliable"].as_f64()
        };
        assert_eq!(of(before), Some(0.99));
        assert_eq!(of(made(&["--period", "2026-Q3", "--rules-of", "2026-11-24"])), Some(0.995));
        assert_eq!(of(made(&["--period", "2026-Q4"])), Some(0.995));
    }

    #[test]
    fn a_report_made_again_as_of_its_moment_is_the_same_and_leaves_the_store_as_it_is() {
        let dir = tempfile::tempdir().expect("a directory");
        crate::store::schema::create(dir.path()).expect("a store");
        let mut admin = Admin::open(dir.path()).expect("open");
        admin.set_region("19").expect("a region");
        admin.date_rules(&Rules::default(), &Holidays::national(), 1_000).expect("dated");
        let strict = Rules { availability_reliable: 0.995, ..Rules::default() };
        let config = Config { coverage: strict, ..Config::parse("").expect("defaults") };
        let made = |as_of: &[&str], now_s| {
            let words = ["report", "--format", "json"].iter().chain(as_of);
            let line = Line::try_parse_from(words).expect("arguments");
            render(dir.path(), &config, &line, now_s).expect("a report")
        };
        let first = made(&[], NOW_S);
        let later_s = NOW_S + 40 * 86_400;
        assert_ne!(made(&["--period", "2026-Q4"], later_s), first);
        assert_eq!(made(&["--as-of", "2026-11-24T12:00"], later_s), first);
        let last = Reader::open(dir.path()).expect("open").rules_in_force(i64::MAX).expect("readable");
        assert_eq!(last.expect("dated").rules, Rules::default(), "a report dates nothing");
    }

    #[test]
    fn what_cannot_be_reported_is_refused_in_one_sentence() {
        for (words, part) in [
            (["--period", "2026-Q9"], "2026-Q9"),
            (["--period", "2027-Q1"], "has not begun yet"),
            (["--scope", "99.99"], "\"99.99\" is no code"),
            (["--format", "docx"], "md, csv, json"),
            (["--lang", "nl"], "id or en"),
            (["--compare", "2026-09-31"], "2026-09-31"),
            (["--rules-of", "2026-02-30"], "2026-02-30"),
            (["--as-of", "2026-10-05"], "a local moment like"),
            (["--as-of", "2026-11-24T12:01"], "has not come yet"),
            (["--paper", "letter"], "a4 or f4"),
            (["--letter", "/nowhere/letter.toml"], "/nowhere/letter.toml could not be read"),
        ] {
            let error = report_of(&words).expect_err(part);
            assert!(error.contains(part), "{error}");
        }
    }
}
