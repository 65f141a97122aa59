//! JSON: everything, in full precision. Keys are sorted, so the same report has the same bytes.

use std::io::{self, Write};

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value, json};
use suar_wire::Cause;

use super::Report;
use super::compose::{Both, both};
use crate::assessment::{AreaCoverage, Assessment};
use crate::coverage::{
    Counts, Earlier, IslandCoverage, MonthData, PeriodKind, Ratio, SharedBy, SharedOutage, SiteCoverage,
    Variant, sensitivity, shared_outages,
};
use crate::day::Reason;

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut around = around_sites(report.assessment);
    around.insert("generated_at_s".to_owned(), json!(report.generated_at_s));
    around.insert("made_with".to_owned(), json!(super::MADE_WITH));
    let comparison = report.before.map(|before| comparison_json(before, report.assessment));
    around.insert("comparison".to_owned(), json!(comparison));
    serde_json::to_writer_pretty(&mut *out, &SiteBySite { around, sites: &report.assessment.sites })?;
    writeln!(out)
}

/// A report whose offices become JSON one at a time: all at once they take five times their text.
struct SiteBySite<'a> {
    /// With a place for the offices.
    around: Map<String, Value>,
    sites: &'a [SiteCoverage],
}

impl Serialize for SiteBySite<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.around.len()))?;
        for (key, value) in &self.around {
            match key.as_str() {
                SITES => map.serialize_entry(key, &Sites(self.sites))?,
                _ => map.serialize_entry(key, value)?,
            }
        }
        map.end()
    }
}

struct Sites<'a>(&'a [SiteCoverage]);

impl Serialize for Sites<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(site_json))
    }
}

const SITES: &str = "sites";

/// The whole assessment, as on `/api/coverage`.
pub fn assessment_json(assessment: &Assessment) -> Value {
    let mut whole = around_sites(assessment);
    whole.insert(SITES.to_owned(), assessment.sites.iter().map(site_json).collect());
    Value::Object(whole)
}

/// The assessment, with nothing yet where its offices stand.
fn around_sites(assessment: &Assessment) -> Map<String, Value> {
    let Assessment { name, period, scope, rules, input_sha256, .. } = assessment;
    let variants: Vec<Value> = ["milder", "as_used", "stricter"]
        .iter()
        .zip(sensitivity(&assessment.sites, rules))
        .map(|(name, variant)| variant_json(name, &variant))
        .collect();
    let around = json!({
        "period": {
            "name": name.to_string(),
            "kind": match period.kind { PeriodKind::Quarter => "quarter", PeriodKind::Other => "other" },
            "start_s": period.window.start_s,
            "end_s": period.window.end_s,
            "ends_s": name.window().end_s,
        },
        "scope": { "code": scope.code, "name": scope.name },
        "islands": assessment.islands.iter().map(island_json).collect::<Vec<_>>(),
        "outside": assessment.outside,
        "regencies": assessment.regencies.iter().map(area_json).collect::<Vec<_>>(),
        "districts": assessment.districts.iter().map(area_json).collect::<Vec<_>>(),
        "sites": null,
        "shared_outages": shared_outages(&assessment.sites).iter().map(shared_json).collect::<Vec<_>>(),
        "weighted_by_population": assessment.weighted().map(|weighted| json!({
            "population": weighted.population,
            "unreliable": weighted.unreliable.as_f64(),
            "limited": weighted.limited.as_f64(),
            "reliable": weighted.reliable.as_f64(),
        })),
        "sensitivity": variants,
        "data_use": assessment.sites.iter().filter_map(|site| data_json(site, assessment)).collect::<Vec<_>>(),
        "rules": rules,
        "rules_since_s": assessment.rules_since_s,
        "years_without_holidays": assessment.years_without_holidays,
        "special_days": assessment.special_days.iter().map(|day| json!({
            "date": day.date, "scope": day.scope, "name": day.name, "hours": day.hours,
        })).collect::<Vec<_>>(),
        "input_sha256": input_sha256,
    });
    match around {
        Value::Object(around) => around,
        _ => unreachable!("it was written as an object"),
    }
}

/// Offices that are in both periods.
fn comparison_json(before: &Assessment, now: &Assessment) -> Value {
    let office = |pair: &Both<'_>| {
        json!({
            "site": pair.now.site.code,
            "standing_before": pair.before.standing.label(),
            "standing": pair.now.standing.label(),
            "availability_before": number(pair.before.availability),
            "availability": number(pair.now.availability),
        })
    };
    json!({
        "period": before.name.to_string(),
        "sites": both(before, now).iter().map(office).collect::<Vec<_>>(),
        "input_sha256": before.input_sha256,
    })
}

/// One island, as on `/api/islands`.
pub fn island_json(island: &IslandCoverage) -> Value {
    json!({
        "code": island.code,
        "name": island.name,
        "usual_names": island.usual_names,
        "populated": island.populated,
        "standing": island.standing.label(),
        "offices": island.counts,
    })
}

/// An outage that offices share, as on `/api/islands`.
pub fn shared_json(event: &SharedOutage) -> Value {
    let (island, provider) = match &event.by {
        SharedBy::Island(code) => (Some(code), None),
        SharedBy::Provider(name) => (None, Some(name)),
    };
    json!({
        "island": island,
        "provider": provider,
        "start_s": event.start_s,
        "end_s": event.end_s,
        "cause": event.cause.label(),
        "sites": event.sites,
        "of_sites": event.of_sites,
    })
}

/// Who would stand where by other thresholds.
fn variant_json(name: &str, variant: &Variant) -> Value {
    let Counts { judged, reliable, limited, unreliable, .. } = variant.offices;
    json!({
        "thresholds": name,
        "rules": variant.rules,
        "offices": {
            "judged": judged, "reliable": reliable, "limited": limited, "unreliable": unreliable,
        },
        "islands": variant.islands.iter().map(|(code, standing)| (code.clone(), json!(standing.label())))
            .collect::<serde_json::Map<_, _>>(),
    })
}

fn data_json(site: &SiteCoverage, assessment: &Assessment) -> Option<Value> {
    let months = assessment.data.get(&site.site.code)?;
    let month = |data: &MonthData| {
        let by_purpose: serde_json::Map<String, Value> = data
            .by_purpose
            .iter()
            .map(|(purpose, bytes)| (purpose.label().to_owned(), json!(bytes)))
            .collect();
        json!({
            "month": data.month,
            "paid_bytes": data.paid_bytes,
            "paid_bytes_by_purpose": by_purpose,
            "step": data.step.label(),
        })
    };
    Some(json!({
        "site": site.site.code,
        "allowance_bytes_a_month": site.site.allowance_bytes(),
        "months": months.iter().map(month).collect::<Vec<_>>(),
    }))
}

fn area_json(area: &AreaCoverage) -> Value {
    json!({
        "code": area.code, "name": area.name, "population": area.population, "offices": area.counts,
    })
}

/// One office, as on `/api/sites/CODE`.
pub fn site_json(coverage: &SiteCoverage) -> Value {
    let site = &coverage.site;
    let causes: serde_json::Map<String, Value> = Cause::ALL
        .iter()
        .filter_map(|cause| Some((cause.label().to_owned(), json!(coverage.down_by_cause.get(cause)?))))
        .collect();
    let reasons: serde_json::Map<String, Value> = Reason::ALL
        .iter()
        .filter_map(|reason| {
            Some((reason.label().to_owned(), json!(coverage.unobserved_by_reason.get(reason)?)))
        })
        .collect();
    let outages: Vec<Value> = coverage
        .outages
        .iter()
        .map(|outage| {
            json!({
                "start_s": outage.start_s,
                "end_s": outage.end_s,
                "cause": outage.cause.label(),
                "seconds_down": outage.seconds_down,
            })
        })
        .collect();
    let before: Vec<Value> = coverage
        .earlier
        .iter()
        .map(|earlier| {
            let Earlier { until_s, site } = earlier;
            json!({ "until_s": until_s, "hours": site.hours, "power_hours": site.power_hours })
        })
        .collect();
    let mut office = json!({
        "site": site.code,
        "name": site.name,
        "village": site.village,
        "island": site.island,
        "point": site.point,
        "link": site.link.label(),
        "provider": site.provider,
        "hours": site.hours,
        "time_zone": site.time_zone,
        "power_hours": site.power_hours,
        "hours_before": before,
        "standing": coverage.standing.label(),
        "at_border": coverage.at_border,
        "limited_by_power": coverage.limited_by_power,
        "indicators": coverage.indicators,
        "measured": { "start_s": coverage.measured.start_s, "end_s": coverage.measured.end_s },
        "expected_s": coverage.expected_s,
        "up_s": coverage.up_s,
        "down_s": coverage.down_s,
        "down_by_cause_s": causes,
        "unobserved_s": coverage.unobserved_s(),
        "unobserved_by_reason_s": reasons,
        "without_power_s": coverage.without_power_s,
        "availability": number(coverage.availability),
        "observed": number(coverage.observed),
        "worst_case": number(coverage.worst_case),
        "availability_interval": coverage.interval.map(|bounds| {
            json!({ "low": bounds.low.as_f64(), "high": bounds.high.as_f64() })
        }),
        "days": {
            "expected": coverage.days_expected,
            "observed": coverage.days_observed,
            "needed": coverage.days_needed,
        },
        "outages": outages,
        "mean_outage_s": coverage.mean_outage_s,
        "longest_outage_s": coverage.longest_outage_s,
        "rtt": {
            "median_us": coverage.rtt_median_us,
            "p95_us": coverage.rtt_p95_us,
            "samples": coverage.rtt_samples,
        },
        "loss": {
            "ratio": number(coverage.loss),
            "sent": coverage.echoes_sent,
            "lost": coverage.echoes_lost,
        },
        "download_bits": coverage.throughput.download_bits,
        "upload_bits": coverage.throughput.upload_bits,
        "records": {
            "synced": coverage.records_synced,
            "estimated": coverage.records_estimated,
            "bounded": coverage.records_bounded,
        },
    });
    // The macro has room for no more keys.
    office["mtbf_s"] = json!(coverage.mtbf_s);
    office["tiphon"] = json!(coverage.tiphon());
    office["bandwidth_tests"] = json!({
        "download": coverage.throughput.download_tests,
        "upload": coverage.throughput.upload_tests,
        "without_rate": coverage.throughput.without_rate,
    });
    office
}

fn number(ratio: Option<Ratio>) -> Option<f64> {
    ratio.map(Ratio::as_f64)
}
