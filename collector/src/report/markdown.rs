//! The report for reading: sentences first, then tables, then how it was counted.

use super::cells::{NOTHING, count, duration, millis, moment, percent_down, percent_up, period, plain, row};
use super::words::{cause_words, island_words, reason_words, standing_words};
use super::{Language, Report, method};
use crate::assessment::{AreaCoverage, Assessment};
use crate::calendar::TimeZone;
use crate::coverage::{Counts, IslandCoverage, IslandStanding, Outage, Ratio, SiteCoverage, Standing};

/// The longest outages are told one by one; all of them are in the JSON report.
const OUTAGES_LISTED_MAX: usize = 20;

pub(super) fn render(report: &Report<'_>, language: Language) -> String {
    let assessment = report.assessment;
    let mut page = Page { language, text: String::new() };
    page.title(report);
    page.summary(assessment);
    page.islands(assessment);
    page.outside(assessment);
    let regencies = language.pick("Kabupaten dan kota", "Regencies");
    page.areas(regencies, &assessment.regencies);
    page.areas(language.pick("Kecamatan", "Districts"), &assessment.districts);
    page.sites(assessment);
    page.quality(assessment);
    page.causes(assessment);
    page.outages(assessment);
    page.unobserved(assessment);
    method::write(&mut page.text, assessment, language);
    page.text
}

struct Page {
    language: Language,
    text: String,
}

impl Page {
    fn pick<'a>(&self, id: &'a str, en: &'a str) -> &'a str {
        self.language.pick(id, en)
    }

    fn heading(&mut self, id: &str, en: &str) {
        let heading = self.pick(id, en).to_owned();
        self.text.push_str(&format!("\n## {heading}\n\n"));
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// Header and rule of a table; the first column is text, the others stand to the right when `numbers`.
    fn table(&mut self, names: &[&str], text_columns: usize) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let rule: Vec<&str> =
            (0..names.len()).map(|at| if at < text_columns { "---" } else { "---:" }).collect();
        self.text.push_str(&row(&names));
        self.text.push_str(&format!("|{}|\n", rule.join("|")));
    }

    fn title(&mut self, report: &Report<'_>) {
        let language = self.language;
        let assessment = report.assessment;
        let scope = plain(&assessment.scope.name);
        let name = period(assessment.name, language);
        let window = assessment.period.window;
        let at = |s| moment(s, TimeZone::Wib, language);
        self.line(&format!(
            "# {}: {scope}",
            self.pick("Akses internet kantor", "Internet access of offices")
        ));
        self.line("");
        let (from, to) = (at(window.start_s), at(window.end_s));
        let running = window.end_s < assessment.name.window().end_s;
        let sentence = match language {
            Language::Id => format!("Periode: {name}. Dihitung dari {from} sampai {to}."),
            Language::En => format!("Period: {name}. Counted from {from} to {to}."),
        };
        self.line(&sentence);
        if running {
            let running =
                self.pick("Periode ini masih berjalan.", "This period is still running.").to_owned();
            self.line(&running);
        }
        let made = at(report.generated_at_s);
        let made = match language {
            Language::Id => format!("Dibuat pada {made}."),
            Language::En => format!("Made on {made}."),
        };
        self.line(&made);
    }

    fn summary(&mut self, assessment: &Assessment) {
        self.heading("Ringkasan", "Summary");
        let language = self.language;
        let mut all = Counts::default();
        assessment.sites.iter().for_each(|site| all.add(site));
        let n = |number: u32| count(number, language);
        let (sites, monitored, judged) = (n(all.sites), n(all.monitored), n(all.judged));
        let (reliable, limited, unreliable) = (n(all.reliable), n(all.limited), n(all.unreliable));
        if all.sites == 0 {
            let none =
                self.pick("Belum ada kantor terdaftar di wilayah ini.", "No office is registered here yet.");
            let none = format!("- {none}");
            return self.line(&none);
        }
        let mut sentences = vec![match language {
            Language::Id => format!(
                "{monitored} dari {sites} kantor terpantau. {judged} dari {sites} kantor punya data yang cukup untuk dinilai."
            ),
            Language::En => format!(
                "{monitored} of {sites} offices are monitored. {judged} of {sites} offices have enough data to be judged."
            ),
        }];
        if all.judged > 0 {
            sentences.push(match language {
                Language::Id => format!(
                    "{unreliable} dari {judged} kantor yang dinilai tidak andal, {limited} terbatas, {reliable} andal."
                ),
                Language::En => format!(
                    "{unreliable} of {judged} judged offices are unreliable, {limited} limited, {reliable} reliable."
                ),
            });
        }
        sentences.push(self.islands_sentence(assessment));
        if all.at_border > 0 {
            let n = self.of(all.at_border, all.judged);
            sentences.push(match language {
                Language::Id => format!("Di batas: {n} kantor. Hari-hari lain bisa memberi penilaian lain."),
                Language::En => {
                    format!("At the border: {n} offices. Other days might give another standing.")
                }
            });
        }
        if all.limited_by_power > 0 {
            let n = self.of(all.limited_by_power, all.monitored);
            sentences.push(match language {
                Language::Id => {
                    format!("Terbatas oleh listrik: {n} kantor. Yang kurang listrik, bukan jaringan.")
                }
                Language::En => {
                    format!(
                        "Limited by power: {n} offices. What is missing there is electricity, not bandwidth."
                    )
                }
            });
        }
        if !assessment.outside.is_empty() {
            let n = count(assessment.outside.len() as u64, language);
            sentences.push(match language {
                Language::Id => {
                    format!("Di luar pengukuran ini: {n} pulau berpenghuni tanpa kantor terdaftar.")
                }
                Language::En => {
                    format!("Outside this measure: populated islands without a registered office ({n}).")
                }
            });
        }
        for sentence in sentences {
            self.line(&format!("- {sentence}"));
        }
    }

    fn islands_sentence(&self, assessment: &Assessment) -> String {
        let bad: Vec<String> = assessment
            .islands
            .iter()
            .filter(|island| island.standing == IslandStanding::Unreliable)
            .map(|island| {
                let offices = self.of(island.counts.unreliable, island.counts.judged);
                match self.language {
                    Language::Id => format!("{} ({offices} kantor tidak andal)", self.island_name(island)),
                    Language::En => format!("{} ({offices} offices unreliable)", self.island_name(island)),
                }
            })
            .collect();
        let assessable =
            assessment.islands.iter().any(|island| island.standing != IslandStanding::NotAssessable);
        match (bad.is_empty(), assessable) {
            (false, _) => {
                let lead = self.pick("Tanpa akses digital yang andal", "Without reliable digital access");
                format!("{lead}: {}.", bad.join(", "))
            }
            (true, true) => self
                .pick(
                    "Tidak ada pulau yang dinilai tanpa akses digital yang andal.",
                    "No assessed island is without reliable digital access.",
                )
                .to_owned(),
            (true, false) => self
                .pick(
                    "Belum ada pulau yang dapat dinilai: datanya belum cukup.",
                    "No island can be assessed yet: there is not enough data.",
                )
                .to_owned(),
        }
    }

    /// `3 dari 4`.
    fn of(&self, part: u32, whole: u32) -> String {
        if whole == 0 {
            return NOTHING.to_owned();
        }
        format!("{} {} {}", count(part, self.language), self.pick("dari", "of"), count(whole, self.language))
    }

    /// The official name, with the usual ones where they differ.
    fn island_name(&self, island: &IslandCoverage) -> String {
        named(&island.name, &island.usual_names)
    }

    fn islands(&mut self, assessment: &Assessment) {
        self.heading("Pulau", "Islands");
        let names = match self.language {
            Language::Id => [
                "Pulau",
                "Kode",
                "Penilaian",
                "Tidak andal",
                "Terbatas",
                "Andal",
                "Dinilai",
                "Terpantau",
                "Listrik",
            ],
            Language::En => [
                "Island",
                "Code",
                "Standing",
                "Unreliable",
                "Limited",
                "Reliable",
                "Judged",
                "Monitored",
                "Power",
            ],
        };
        self.table(&names, 3);
        for island in &assessment.islands {
            let counts = &island.counts;
            let cells = [
                self.island_name(island),
                island.code.clone(),
                island_words(island.standing, self.language).to_owned(),
            ];
            let cells = [cells.as_slice(), &self.count_cells(counts)].concat();
            self.text.push_str(&row(&cells));
        }
        let note = self
            .pick(
                "\n\"Dinilai\" dan \"terpantau\" dihitung dari semua kantor terdaftar; \"listrik\" adalah jumlah kantor yang terbatas oleh listrik.",
                "\n\"Judged\" and \"monitored\" are out of all registered offices; \"power\" counts offices limited by power.",
            )
            .to_owned();
        self.line(&note);
    }

    fn count_cells(&self, counts: &Counts) -> [String; 6] {
        [
            self.of(counts.unreliable, counts.judged),
            count(counts.limited, self.language),
            count(counts.reliable, self.language),
            self.of(counts.judged, counts.sites),
            self.of(counts.monitored, counts.sites),
            count(counts.limited_by_power, self.language),
        ]
    }

    fn outside(&mut self, assessment: &Assessment) {
        if assessment.outside.is_empty() {
            return;
        }
        self.heading(
            "Pulau berpenghuni tanpa kantor terdaftar",
            "Populated islands without a registered office",
        );
        let lead = self
            .pick(
                "Pulau-pulau ini di luar pengukuran: tidak dinilai baik, tidak dinilai buruk.",
                "These islands are outside the measure: they are judged neither good nor bad.",
            )
            .to_owned();
        self.line(&lead);
        self.line("");
        let names = match self.language {
            Language::Id => ["Pulau", "Kode", "Kantor desa atau kelurahan di pulau"],
            Language::En => ["Island", "Code", "Village offices on the island"],
        };
        self.table(&names, 2);
        for island in &assessment.outside {
            let name = named(&island.name, &island.usual_names);
            let seats = count(island.village_seats, self.language);
            self.text.push_str(&row(&[name, island.code.clone(), seats]));
        }
    }

    fn areas(&mut self, heading: &str, areas: &[AreaCoverage]) {
        if areas.is_empty() {
            return;
        }
        self.heading(heading, heading);
        let names = match self.language {
            Language::Id => {
                ["Nama", "Kode", "Tidak andal", "Terbatas", "Andal", "Dinilai", "Terpantau", "Listrik"]
            }
            Language::En => {
                ["Name", "Code", "Unreliable", "Limited", "Reliable", "Judged", "Monitored", "Power"]
            }
        };
        self.table(&names, 2);
        for area in areas {
            let cells = [area.name.clone(), area.code.clone()];
            let cells = [cells.as_slice(), &self.count_cells(&area.counts)].concat();
            self.text.push_str(&row(&cells));
        }
    }

    fn sites(&mut self, assessment: &Assessment) {
        self.heading("Kantor", "Offices");
        let names = match self.language {
            Language::Id => [
                "Kantor",
                "Kode",
                "Penilaian",
                "Ketersediaan",
                "Keterpantauan",
                "Kasus terburuk",
                "Gangguan",
                "Terlama",
                "Rata-rata",
                "Hari kerja terpantau",
            ],
            Language::En => [
                "Office",
                "Code",
                "Standing",
                "Availability",
                "Observed",
                "Worst case",
                "Outages",
                "Longest",
                "Mean",
                "Working days observed",
            ],
        };
        self.table(&names, 3);
        for site in &assessment.sites {
            let cells = self.site_cells(site);
            self.text.push_str(&row(&cells));
        }
    }

    fn site_cells(&self, site: &SiteCoverage) -> [String; 10] {
        let language = self.language;
        let length = |seconds: Option<u64>| seconds.map_or(NOTHING.to_owned(), |s| duration(s, language));
        // Nothing per cent of an office without an agent would read as a finding.
        let monitored = site.standing != Standing::NotMonitored;
        let percent = |ratio: Option<Ratio>| percent_down(ratio.filter(|_| monitored), language);
        [
            site.site.name.clone(),
            site.site.code.to_string(),
            self.standing_cell(site),
            percent(site.availability),
            percent(site.observed),
            percent(site.worst_case),
            count(site.outages.len() as u64, language),
            length(site.longest_outage_s),
            length(site.mean_outage_s),
            self.of(site.days_observed, site.days_expected),
        ]
    }

    fn standing_cell(&self, site: &SiteCoverage) -> String {
        let mut words = standing_words(site.standing, self.language).to_owned();
        if site.at_border {
            words.push_str(self.pick(", di batas", ", at the border"));
        }
        if site.limited_by_power {
            words.push_str(self.pick(", terbatas oleh listrik", ", limited by power"));
        }
        words
    }

    fn quality(&mut self, assessment: &Assessment) {
        self.heading("Mutu sambungan", "Quality of the links");
        let names = match self.language {
            Language::Id => [
                "Kantor",
                "Ketersediaan antara (95%)",
                "Waktu respons, median",
                "Sampel",
                "Paket hilang",
                "Paket dikirim",
                "Unduh, median",
                "Unggah, median",
            ],
            Language::En => [
                "Office",
                "Availability between (95%)",
                "Round trip, median",
                "Samples",
                "Packets lost",
                "Packets sent",
                "Download, median",
                "Upload, median",
            ],
        };
        self.table(&names, 1);
        let language = self.language;
        let missing = self.pick("belum diukur", "not measured").to_owned();
        let speed = |bits: Option<u64>| {
            bits.map_or(missing.clone(), |bits| {
                format!("{} Mbit/s", super::cells::decimal((bits + 5_000) / 10_000, 2, language))
            })
        };
        for site in &assessment.sites {
            let between = site.interval.map_or(NOTHING.to_owned(), |bounds| {
                let (low, high) =
                    (percent_down(Some(bounds.low), language), percent_down(Some(bounds.high), language));
                format!("{low} {} {high}", language.pick("dan", "and"))
            });
            self.text.push_str(&row(&[
                site.site.name.clone(),
                between,
                millis(site.rtt_median_us, language),
                count(site.rtt_samples, language),
                percent_up(site.loss, language),
                count(site.echoes_sent, language),
                speed(site.throughput.download_bits),
                speed(site.throughput.upload_bits),
            ]));
        }
    }

    fn causes(&mut self, assessment: &Assessment) {
        self.heading("Penyebab terputus", "Why links were down");
        let any = assessment.sites.iter().any(|site| site.down_s > 0);
        if !any {
            let none = self.pick("Tidak ada kantor yang terputus.", "No office was down.").to_owned();
            return self.line(&none);
        }
        let names = match self.language {
            Language::Id => ["Kantor", "Penyebab", "Lama terputus pada jam kantor"],
            Language::En => ["Office", "Cause", "Time down in office hours"],
        };
        self.table(&names, 2);
        for site in &assessment.sites {
            for (cause, seconds) in &site.down_by_cause {
                let words = cause_words(*cause, self.language).to_owned();
                let length = duration(*seconds, self.language);
                self.text.push_str(&row(&[site.site.name.clone(), words, length]));
            }
        }
    }

    fn outages(&mut self, assessment: &Assessment) {
        let mut all: Vec<(&SiteCoverage, &Outage)> =
            assessment.sites.iter().flat_map(|site| site.outages.iter().map(move |o| (site, o))).collect();
        if all.is_empty() {
            return;
        }
        self.heading("Gangguan terlama", "Longest outages");
        all.sort_by(|(a_site, a), (b_site, b)| {
            (b.seconds_down, a.start_s, &a_site.site.code).cmp(&(
                a.seconds_down,
                b.start_s,
                &b_site.site.code,
            ))
        });
        let names = match self.language {
            Language::Id => ["Kantor", "Mulai", "Selesai", "Penyebab", "Lama pada jam kantor"],
            Language::En => ["Office", "From", "To", "Cause", "Length in office hours"],
        };
        self.table(&names, 4);
        for (site, outage) in all.iter().take(OUTAGES_LISTED_MAX) {
            let zone = site.site.time_zone;
            self.text.push_str(&row(&[
                site.site.name.clone(),
                moment(outage.start_s, zone, self.language),
                moment(outage.end_s, zone, self.language),
                cause_words(outage.cause, self.language).to_owned(),
                duration(outage.seconds_down, self.language),
            ]));
        }
        if all.len() > OUTAGES_LISTED_MAX {
            let (shown, whole) = (OUTAGES_LISTED_MAX as u64, all.len() as u64);
            let (shown, whole) = (count(shown, self.language), count(whole, self.language));
            let note = match self.language {
                Language::Id => format!("\n{shown} dari {whole} gangguan; semuanya ada di laporan JSON."),
                Language::En => format!("\n{shown} of {whole} outages; all of them are in the JSON report."),
            };
            self.line(&note);
        }
    }

    fn unobserved(&mut self, assessment: &Assessment) {
        self.heading("Waktu yang tidak terpantau", "Time that was not observed");
        let lead = self
            .pick("Waktu ini tidak dihitung sebagai terputus.", "This time is not counted as down.")
            .to_owned();
        self.line(&lead);
        self.line("");
        let names = match self.language {
            Language::Id => ["Kantor", "Alasan", "Lama pada jam kantor"],
            Language::En => ["Office", "Reason", "Time in office hours"],
        };
        self.table(&names, 2);
        for site in assessment.sites.iter().filter(|site| site.standing != Standing::NotMonitored) {
            for (reason, seconds) in &site.unobserved_by_reason {
                let words = reason_words(*reason, self.language).to_owned();
                let length = duration(*seconds, self.language);
                self.text.push_str(&row(&[site.site.name.clone(), words, length]));
            }
        }
    }
}

/// Usual names that only repeat the official one are left out.
fn named(name: &str, usual: &[String]) -> String {
    let other: Vec<&str> = usual.iter().map(String::as_str).filter(|usual| !name.ends_with(usual)).collect();
    if other.is_empty() { name.to_owned() } else { format!("{name} ({})", other.join(", ")) }
}
