//! CSV: one row an office, the same in both languages: names of columns are for programs.

use std::io::{self, Write};

use suar_wire::{Cause, Purpose};

use super::Report;
use crate::coverage::{DataSum, Ratio, SiteCoverage, Tiphon};
use crate::day::Reason;

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let assessment = report.assessment;
    writeln!(out, "{}", header())?;
    for site in &assessment.sites {
        let mut cells = cells(site);
        let months = assessment.data.get(&site.site.code).map_or(&[][..], Vec::as_slice);
        cells.extend(data(site, DataSum::of(months).as_ref()));
        cells.push(assessment.name.to_string());
        cells.push(assessment.input_sha256.clone());
        writeln!(out, "{}", cells.join(","))?;
    }
    Ok(())
}

fn header() -> String {
    let mut names: Vec<String> = [
        "site",
        "name",
        "village",
        "district",
        "regency",
        "island",
        "link",
        "provider",
        "standing",
        "at_border",
        "limited_by_power",
        "measured_from_s",
        "measured_to_s",
        "expected_s",
        "up_s",
        "down_s",
        "unobserved_s",
        "availability",
        "observed",
        "worst_case",
        "availability_low",
        "availability_high",
        "days_expected",
        "days_observed",
        "days_needed",
        "outages",
        "mean_outage_s",
        "mtbf_s",
        "longest_outage_s",
        "without_power_s",
    ]
    .map(str::to_owned)
    .to_vec();
    names.extend(Cause::ALL.map(|cause| format!("down_{}_s", cause.label())));
    names.extend(Reason::ALL.map(|reason| format!("unobserved_{}_s", reason.label())));
    names.extend(
        [
            "rtt_median_us",
            "rtt_p95_us",
            "rtt_samples",
            "echoes_sent",
            "echoes_lost",
            "loss",
            "tiphon_delay",
            "tiphon_loss",
            "download_bits",
            "upload_bits",
            "records_synced",
            "records_estimated",
            "records_bounded",
            "data_bytes",
            "data_most_bytes",
            "data_most_month",
            "data_allowance_bytes",
            "data_step",
        ]
        .map(str::to_owned),
    );
    names.extend(paid_purposes().map(|purpose| format!("data_{}_bytes", purpose.label())));
    names.extend(["period", "input_sha256"].map(str::to_owned));
    names.join(",")
}

fn cells(coverage: &SiteCoverage) -> Vec<String> {
    let site = &coverage.site;
    let part = |parts: usize| site.village.split('.').take(parts).collect::<Vec<_>>().join(".");
    let number = |value: Option<u64>| value.map_or(String::new(), |value| value.to_string());
    let mut cells = vec![
        quoted(site.code.as_str()),
        quoted(&site.name),
        site.village.clone(),
        part(3),
        part(2),
        site.island.clone(),
        site.link.label().to_owned(),
        quoted(&site.provider),
        coverage.standing.label().to_owned(),
        coverage.at_border.to_string(),
        coverage.limited_by_power.to_string(),
        coverage.measured.start_s.to_string(),
        coverage.measured.end_s.to_string(),
        coverage.expected_s.to_string(),
        coverage.up_s.to_string(),
        coverage.down_s.to_string(),
        coverage.unobserved_s().to_string(),
        ratio(coverage.availability),
        ratio(coverage.observed),
        ratio(coverage.worst_case),
        ratio(coverage.interval.map(|bounds| bounds.low)),
        ratio(coverage.interval.map(|bounds| bounds.high)),
        coverage.days_expected.to_string(),
        coverage.days_observed.to_string(),
        coverage.days_needed.to_string(),
        coverage.outages.len().to_string(),
        number(coverage.mean_outage_s),
        number(coverage.mtbf_s),
        number(coverage.longest_outage_s),
        coverage.without_power_s.to_string(),
    ];
    cells.extend(
        Cause::ALL.map(|cause| coverage.down_by_cause.get(&cause).copied().unwrap_or_default().to_string()),
    );
    cells.extend(
        Reason::ALL.map(|reason| {
            coverage.unobserved_by_reason.get(&reason).copied().unwrap_or_default().to_string()
        }),
    );
    cells.extend([
        number(coverage.rtt_median_us.map(u64::from)),
        number(coverage.rtt_p95_us.map(u64::from)),
        coverage.rtt_samples.to_string(),
        coverage.echoes_sent.to_string(),
        coverage.echoes_lost.to_string(),
        ratio(coverage.loss),
        category(coverage.tiphon().delay),
        category(coverage.tiphon().loss),
        number(coverage.throughput.download_bits),
        number(coverage.throughput.upload_bits),
        coverage.records_synced.to_string(),
        coverage.records_estimated.to_string(),
        coverage.records_bounded.to_string(),
    ]);
    cells
}

/// What monitoring used in the period's months, the most in one of them, and how far it went to save.
fn data(coverage: &SiteCoverage, sum: Option<&DataSum>) -> Vec<String> {
    let told = |of: fn(&DataSum) -> String| sum.map_or(String::new(), of);
    let mut cells = vec![
        told(|sum| sum.paid_bytes.to_string()),
        told(|sum| sum.most.paid_bytes.to_string()),
        told(|sum| sum.most.month.to_string()),
        coverage.site.allowance_bytes().map_or(String::new(), |bytes| bytes.to_string()),
        told(|sum| sum.step.label().to_owned()),
    ];
    let of = |sum: &DataSum, purpose| sum.by_purpose.get(&purpose).copied().unwrap_or_default();
    cells
        .extend(paid_purposes().map(|purpose| sum.map_or(String::new(), |sum| of(sum, purpose).to_string())));
    cells
}

fn paid_purposes() -> impl Iterator<Item = Purpose> {
    Purpose::ALL.iter().copied().filter(|purpose| purpose.is_paid_for())
}

fn category(tiphon: Option<Tiphon>) -> String {
    tiphon.map_or("", Tiphon::label).to_owned()
}

/// Six decimals, rounded half up; empty where there is nothing to divide.
fn ratio(ratio: Option<Ratio>) -> String {
    ratio.map_or(String::new(), |ratio| {
        let scaled = ratio.percent_scaled(4);
        format!("{}.{:06}", scaled / 1_000_000, scaled % 1_000_000)
    })
}

/// A text from outside. What a spreadsheet would run as a formula gets an apostrophe before it.
fn quoted(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t']) { "'" } else { "" };
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if guard.is_empty() && !text.contains([',', ';', '"']) {
        return text;
    }
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_one_cell_and_no_formula() {
        assert_eq!(quoted("Kantor Desa Petaling"), "Kantor Desa Petaling");
        assert_eq!(quoted("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(quoted("=cmd()"), "\"'=cmd()\"");
    }

    #[test]
    fn ratios_have_six_decimals() {
        assert_eq!(ratio(Ratio::of(2, 3)), "0.666667");
        assert_eq!(ratio(Ratio::of(3, 3)), "1.000000");
        assert_eq!(ratio(None), "");
    }
}
