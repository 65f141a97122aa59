//! Reports as people get them: golden files, renewed with `SUAR_RENEW=1` and read as a difference.

mod support;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::Path;
use std::sync::LazyLock;

use suar_collector::assessment::{AgentAt, AssessError, Assessment, Known, Request, Source, assess};
use suar_collector::calendar::{Holidays, TimeZone};
use suar_collector::coverage::Rules;
use suar_collector::day::{Day, DaySummary};
use suar_collector::region::builtin;
use suar_collector::registry::{LinkKind, Site};
use suar_collector::report::{Format, Language, Letter, Paper, Report};
use suar_wire::{AgentId, SiteCode};

use support::{Painted, local_s, site, state};

/// A province of seven offices, written down by hand.
#[derive(Default)]
struct Province {
    sites: Vec<(Site, bool)>,
    agents: BTreeMap<SiteCode, Vec<AgentAt>>,
    days: BTreeMap<AgentId, BTreeMap<Day, DaySummary>>,
}

impl Source for Province {
    type Error = Infallible;

    fn sites_at(&self, _at_s: i64) -> Result<Vec<Known>, Infallible> {
        let known = |(site, existed): &(Site, bool)| Known {
            site: site.clone(),
            existed: *existed,
            earlier: Vec::new(),
        };
        Ok(self.sites.iter().map(known).collect())
    }

    fn agents(&self) -> Result<BTreeMap<SiteCode, Vec<AgentAt>>, Infallible> {
        Ok(self.agents.clone())
    }

    fn days(&self, agent: AgentId, first: Day, last: Day) -> Result<BTreeMap<Day, DaySummary>, Infallible> {
        let days = self.days.get(&agent).into_iter().flatten();
        Ok(days.filter(|(day, _)| (first..=last).contains(day)).map(|(d, s)| (*d, s.clone())).collect())
    }
}

const ZONE: TimeZone = TimeZone::Wib;

fn at(text: &str) -> i64 {
    local_s(text, ZONE)
}

impl Province {
    fn add(&mut self, site: Site, agents: &[(&str, Painted)]) {
        for (joined, painted) in agents {
            let number = u8::try_from(self.days.len() + 1).expect("few agents");
            let agent = AgentId([number; 16]);
            let here = self.agents.entry(site.code.clone()).or_default();
            here.push(AgentAt { agent, joined_s: at(joined) });
            self.days.insert(agent, painted.days().days);
        }
        self.sites.push((site, true));
    }
}

/// Up on every day of the quarter from 08:00 to 16:00, then whatever else is painted over it.
fn quarter(over: &[(&str, &str, &str)]) -> Painted {
    let mut painted = Painted::new(60);
    let (mut day_s, end_s) = (at("2026-07-01T08:00"), at("2026-10-01T00:00"));
    while day_s < end_s {
        painted.paint(day_s, day_s + 8 * 3_600, state("up"));
        painted.echoes(day_s, 90, 1, 40_000);
        day_s += 86_400;
    }
    for (from, to, what) in over {
        painted.paint(at(from), at(to), state(what));
    }
    painted
}

/// Painted once: it is a quarter of seconds for every agent.
static PROVINCE: LazyLock<Province> = LazyLock::new(province);

fn province() -> Province {
    let mut province = Province::default();
    let office = |village: &str| site(village, village, "standard");

    let mut good = office("19.02.03.2001");
    good.provider = "PT Satu | Dua <b>".to_owned();
    good.link = LinkKind::Fiber;
    province
        .add(good, &[("2026-01-05T09:00", quarter(&[("2026-08-05T09:00", "2026-08-05T09:10", "internet")]))]);

    let cut = [
        ("2026-07-06T10:00", "2026-07-08T16:00", "internet"),
        ("2026-07-06T16:00", "2026-07-07T08:00", "powered_off"),
        ("2026-07-13T08:00", "2026-07-16T16:00", "gateway"),
    ];
    province.add(office("19.02.03.2002"), &[("2026-01-05T09:00", quarter(&cut))]);
    let dark = [
        ("2026-07-20T08:00", "2026-08-14T16:00", "power_lost"),
        ("2026-09-01T08:00", "2026-09-04T16:00", "dns"),
    ];
    province.add(office("19.02.03.2003"), &[("2026-01-05T09:00", quarter(&dark))]);
    let mut late = Painted::new(60);
    late.paint(at("2026-09-28T08:00"), at("2026-09-30T16:00"), state("up"));
    province.add(office("19.02.03.2004"), &[("2026-09-28T07:55", late)]);

    let mut far = office("19.02.02.2009");
    far.link = LinkKind::GeoSatellite;
    let mut first = quarter(&[("2026-07-01T08:00", "2026-07-31T16:00", "asleep")]);
    first.echoes(at("2026-08-03T11:00"), 5_000, 200, 640_000);
    let second = quarter(&[("2026-09-10T08:00", "2026-09-10T12:00", "captive_portal")]);
    province.add(far, &[("2026-01-05T09:00", first), ("2026-02-05T09:00", second)]);

    province.add(office("19.02.02.2010"), &[]);
    province.add(office("19.01.01.1001"), &[("2026-01-05T09:00", quarter(&[]))]);
    // Registered after the quarter and never measured in it: not in its report.
    province.sites.push((office("19.01.01.1002"), false));
    province
}

fn assessed(scope: Option<&str>) -> Assessment {
    try_assess(scope).unwrap_or_else(|error| panic!("{error}"))
}

fn try_assess(scope: Option<&str>) -> Result<Assessment, AssessError<Infallible>> {
    let region = builtin("19").expect("built in");
    let (rules, holidays) = (Rules::default(), Holidays::national());
    let name = "2026-Q3".parse().expect("a period");
    let now_s = at("2026-10-05T08:07");
    assess(
        &*PROVINCE,
        Request { region, rules: &rules, holidays: &holidays, rules_at_s: None, name, scope, now_s },
    )
}

fn golden(name: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("SUAR_RENEW").is_some() {
        std::fs::write(&file, text).expect("the golden file can be written");
    }
    let known = std::fs::read_to_string(&file).unwrap_or_default();
    if known == text {
        return;
    }
    let line = known.lines().zip(text.lines()).position(|(a, b)| a != b);
    let at = line.unwrap_or(known.lines().count().min(text.lines().count()));
    let show = |text: &str| text.lines().nth(at).unwrap_or("(end)").to_owned();
    panic!(
        "{name} differs from line {}: it was\n{}\nand is\n{}\nIf that is right: SUAR_RENEW=1 cargo test --test report",
        at + 1,
        show(&known),
        show(text)
    );
}

fn written(assessment: &Assessment, format: Format, language: Language) -> String {
    let report = Report {
        assessment,
        region: builtin("19").expect("built in"),
        generated_at_s: at("2026-10-05T08:07"),
        letter: &Letter::default(),
        before: None,
        paper: Paper::A4,
    };
    String::from_utf8(report.render(format, language).expect("it is written")).expect("UTF-8")
}

#[test]
fn the_markdown_report_reads_as_its_golden_files_in_both_languages() {
    let assessment = assessed(None);
    golden("report-id.md", &written(&assessment, Format::Markdown, Language::Id));
    golden("report-en.md", &written(&assessment, Format::Markdown, Language::En));
}

#[test]
fn the_tables_for_machines_are_the_golden_ones_in_whatever_language() {
    let assessment = assessed(Some("19.02"));
    golden("report.csv", &written(&assessment, Format::Csv, Language::Id));
    golden("report.json", &written(&assessment, Format::Json, Language::Id));
    for format in [Format::Csv, Format::Json] {
        assert_eq!(written(&assessment, format, Language::Id), written(&assessment, format, Language::En));
    }
}

#[test]
fn the_same_input_gives_the_same_bytes_and_another_rule_another_mark() {
    let (one, two) = (assessed(None), assessed(None));
    assert_eq!(written(&one, Format::Json, Language::Id), written(&two, Format::Json, Language::Id));
    let region = builtin("19").expect("built in");
    let rules = Rules { availability_reliable: 0.98, ..Rules::default() };
    let name = "2026-Q3".parse().expect("a period");
    let holidays = Holidays::national();
    let request = Request {
        region,
        rules: &rules,
        holidays: &holidays,
        rules_at_s: None,
        name,
        scope: None,
        now_s: at("2026-10-05T08:07"),
    };
    let other = assess(&*PROVINCE, request).expect("assessed");
    assert_ne!(one.input_sha256, other.input_sha256);
}

#[test]
fn holidays_of_one_regency_do_not_stand_for_those_of_the_country() {
    let region = builtin("19").expect("built in");
    let rules = Rules::default();
    let holidays = Holidays::parse("2026-08-18,19.02,hari daerah\n", "days.csv").expect("read");
    let name = "2026-Q3".parse().expect("a period");
    let now_s = at("2026-10-05T08:07");
    let request =
        Request { region, rules: &rules, holidays: &holidays, rules_at_s: None, name, scope: None, now_s };
    let assessment = assess(&*PROVINCE, request).expect("assessed");
    assert_eq!(assessment.years_without_holidays, [2026]);
    assert_eq!(assessment.special_days.len(), 1);
    assert_eq!(assessed(None).years_without_holidays, Vec::<i16>::new());
}

#[test]
fn a_scope_keeps_its_offices_and_its_islands_and_an_unknown_one_is_told() {
    let codes = |scope: &str| {
        assessed(Some(scope)).sites.iter().map(|site| site.site.code.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(codes("19").len(), 7);
    assert_eq!(codes("19.02.02"), ["19.02.02.2009", "19.02.02.2010"]);
    assert_eq!(codes("19.02.40114"), ["19.02.03.2001", "19.02.03.2002", "19.02.03.2003"]);
    assert_eq!(codes("19.02.03.2001"), ["19.02.03.2001"]);
    assert!(codes("19.05").is_empty());
    assert!(assessed(Some("19.02")).outside.iter().all(|island| island.code.starts_with("19.02")));
    let error = try_assess(Some("Belitung")).expect_err("a name is no code").to_string();
    assert!(error.contains("\"Belitung\" is no code"), "{error}");
}

#[test]
fn no_line_of_a_report_is_the_apology_of_a_program() {
    for language in [Language::Id, Language::En] {
        let text = written(&assessed(None), Format::Markdown, language);
        for word in ["None", "Some(", "NaN", "inf", "null", "{}", "TODO"] {
            assert!(!text.split_whitespace().any(|found| found == word), "{word}");
        }
        assert!(!text.contains("<b>") && text.ends_with('\n'));
    }
}
