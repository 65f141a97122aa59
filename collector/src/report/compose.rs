//! From an assessment to a document: which sections, in which order, in which words.

mod areas;
mod comparison;
mod data;
mod fact_sheet;
mod offices;
mod outages;
mod sensitivity;
mod shared;
mod summary;
mod trend;
mod unreliable;

use super::cells::{date, moment, period};
use super::document::{Block, Document};
use super::{Language, Report, map, method};
use crate::calendar::{TimeZone, date_of_day};
use crate::coverage::shared_outages;

/// How much a format tells one by one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Depth {
    /// The longest outages are listed; all of them are in the JSON and XLSX reports.
    pub outages_max: usize,
}

pub(super) fn document(report: &Report<'_>, language: Language, depth: Depth) -> Document {
    let assessment = report.assessment;
    let mut blocks = Vec::new();
    if assessment.scope.one_village {
        fact_sheet::write(&mut blocks, assessment, language);
        return Document { title: title(report, language), lead: lead(report, language), blocks };
    }
    summary::write(&mut blocks, assessment, language);
    if let Some(map) = map::draw(assessment, report.region, language) {
        blocks.push(Block::Map(map));
    }
    trend::write(&mut blocks, assessment, language);
    areas::islands(&mut blocks, assessment, language);
    areas::outside(&mut blocks, assessment, language);
    let regencies = language.pick("Kabupaten dan kota", "Regencies");
    areas::areas(&mut blocks, regencies, &assessment.regencies, language);
    let districts = language.pick("Kecamatan", "Districts");
    areas::areas(&mut blocks, districts, &assessment.districts, language);
    unreliable::write(&mut blocks, assessment, language);
    if let Some(before) = report.before {
        comparison::write(&mut blocks, before, assessment, language);
    }
    offices::offices(&mut blocks, assessment, language);
    offices::not_judged(&mut blocks, assessment, language);
    offices::quality(&mut blocks, assessment, language);
    data::data(&mut blocks, assessment, language);
    outages::causes(&mut blocks, assessment, language);
    let events = shared_outages(&assessment.sites);
    shared::write(&mut blocks, assessment, &events, depth.outages_max, language);
    outages::outages(&mut blocks, assessment, &events, depth.outages_max, language);
    outages::unobserved(&mut blocks, assessment, language);
    sensitivity::write(&mut blocks, assessment, language);
    method::write(&mut blocks, assessment, language);
    Document { title: title(report, language), lead: lead(report, language), blocks }
}

pub(super) fn title(report: &Report<'_>, language: Language) -> String {
    let lead = language.pick("Akses internet kantor", "Internet access of offices");
    format!("{lead}: {}", report.assessment.scope.name)
}

/// The period, whether it still runs, and when the report was made.
pub(super) fn lead(report: &Report<'_>, language: Language) -> Vec<String> {
    let assessment = report.assessment;
    let name = period(assessment.name, language);
    let window = assessment.period.window;
    let at = |s| moment(s, TimeZone::Wib, language);
    let (from, to) = (at(window.start_s), at(window.end_s));
    let mut lead = vec![match language {
        Language::Id => format!("Periode: {name}. Dihitung dari {from} sampai {to}."),
        Language::En => format!("Period: {name}. Counted from {from} to {to}."),
    }];
    if window.end_s < assessment.name.window().end_s {
        lead.push(language.pick("Periode ini masih berjalan.", "This period is still running.").to_owned());
    }
    let made = at(report.generated_at_s);
    lead.push(match language {
        Language::Id => format!("Dibuat pada {made}."),
        Language::En => format!("Made on {made}."),
    });
    lead
}

/// `Pangkalpinang, 5 Oktober 2026`, above a signature.
pub(super) fn place_and_date(report: &Report<'_>, language: Language) -> String {
    let day = date(date_of_day(TimeZone::Wib.day_at(report.generated_at_s)), language);
    match report.letter.place.as_str() {
        "" => day,
        place => format!("{place}, {day}"),
    }
}

pub(super) use areas::island_mark;
pub(super) use comparison::{Both, both};
pub(super) use data::saving;
pub(super) use offices::{Placed, why_not_judged};
pub(super) use outages::longest_first;
pub(super) use shared::{names, shared_words};
pub(super) use summary::sentences as summary_sentences;
pub(super) use trend::stretches;
pub(super) use unreliable::{because, main_cause, since};
