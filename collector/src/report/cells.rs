//! Numbers, dates, times and lengths of time as people of each language write them.

use super::Language;
use crate::calendar::{OfficeHours, PeriodName, TimeZone, date_of_day};
use crate::coverage::Ratio;

const MONTHS_ID: [&str; 12] = [
    "Januari",
    "Februari",
    "Maret",
    "April",
    "Mei",
    "Juni",
    "Juli",
    "Agustus",
    "September",
    "Oktober",
    "November",
    "Desember",
];
const MONTHS_EN: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// What stands where nothing was measured.
pub(super) const NOTHING: &str = "–";

/// `1.234,56` or `1,234.56`; `scaled` is the value in units of its last decimal.
pub(super) fn decimal(scaled: u64, decimals: u32, language: Language) -> String {
    let unit = 10_u64.pow(decimals);
    let (thousands, point) = match language {
        Language::Id => ('.', ','),
        Language::En => (',', '.'),
    };
    let digits = (scaled / unit).to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(thousands);
        }
        text.push(digit);
    }
    if decimals > 0 {
        text.push(point);
        text.push_str(&format!("{:0width$}", scaled % unit, width = decimals as usize));
    }
    text
}

pub(super) fn count(number: impl Into<u64>, language: Language) -> String {
    decimal(number.into(), 0, language)
}

/// Two decimals, rounded down: what is printed as 95 % reached 95 %.
pub(super) fn percent_down(ratio: Option<Ratio>, language: Language) -> String {
    ratio.map_or(NOTHING.to_owned(), |ratio| {
        let scaled = u128::from(ratio.part) * 10_000 / u128::from(ratio.whole);
        format!("{}%", decimal(u64::try_from(scaled).unwrap_or(u64::MAX), 2, language))
    })
}

/// Two decimals, rounded up: for what should be small.
pub(super) fn percent_up(ratio: Option<Ratio>, language: Language) -> String {
    ratio.map_or(NOTHING.to_owned(), |ratio| {
        let scaled = (u128::from(ratio.part) * 10_000).div_ceil(u128::from(ratio.whole));
        format!("{}%", decimal(u64::try_from(scaled).unwrap_or(u64::MAX), 2, language))
    })
}

/// A share of the configuration, e.g. 0.95 as `95%`.
pub(super) fn share(share: f64, language: Language) -> String {
    let scaled = (share * 10_000.0).round() as u64;
    let decimals = if scaled.is_multiple_of(100) { 0 } else { 2 };
    let scaled = if decimals == 0 { scaled / 100 } else { scaled };
    format!("{}%", decimal(scaled, decimals, language))
}

/// A number of the configuration with at most two decimals.
pub(super) fn number(value: f64, language: Language) -> String {
    let scaled = (value * 100.0).round() as u64;
    if scaled.is_multiple_of(100) { decimal(scaled / 100, 0, language) } else { decimal(scaled, 2, language) }
}

/// Microseconds as milliseconds with one decimal.
pub(super) fn millis(rtt_us: Option<u32>, language: Language) -> String {
    rtt_us.map_or(NOTHING.to_owned(), |us| format!("{} ms", decimal((u64::from(us) + 50) / 100, 1, language)))
}

/// Bits a second as megabits with two decimals.
pub(super) fn mbps(bits: u64, language: Language) -> String {
    format!("{} Mbit/s", decimal((bits + 5_000) / 10_000, 2, language))
}

/// Hours and minutes; minutes and seconds below an hour. Hours are not folded into days, because a day
/// of office hours has seven or eight of them.
pub(super) fn duration(seconds: u64, language: Language) -> String {
    duration_parts(seconds, language, ' ').join(" ")
}

/// The same for a narrow column: a line breaks between hours and minutes, never between a number and its unit.
pub(super) fn duration_cell(seconds: u64, language: Language) -> String {
    duration_parts(seconds, language, '\u{a0}').join(" ")
}

fn duration_parts(seconds: u64, language: Language, gap: char) -> Vec<String> {
    let (hours, minutes, rest) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let unit = |amount: u64, id: &str, en: &str| {
        let plural = if language == Language::En && amount != 1 { "s" } else { "" };
        format!("{}{gap}{}{plural}", count(amount, language), language.pick(id, en))
    };
    let mut parts = Vec::new();
    if hours > 0 {
        parts.push(unit(hours, "jam", "hour"));
    }
    if minutes > 0 {
        parts.push(unit(minutes, "menit", "minute"));
    }
    if hours == 0 && rest > 0 {
        parts.push(unit(rest, "detik", "second"));
    }
    if parts.is_empty() {
        parts.push(unit(0, "menit", "minute"));
    }
    parts
}

/// `5 Maret 2026`.
pub(super) fn date(date: jiff::civil::Date, language: Language) -> String {
    let months = match language {
        Language::Id => MONTHS_ID,
        Language::En => MONTHS_EN,
    };
    let month = months[usize::from(date.month().unsigned_abs()).saturating_sub(1).min(11)];
    format!("{} {month} {}", date.day(), date.year())
}

/// `Maret 2026`.
pub(super) fn month(date: jiff::civil::Date, language: Language) -> String {
    period(PeriodName::Month { year: date.year(), month: date.month() }, language)
}

/// `5 Maret 2026 08.07 WIB`; the seconds only where there are some.
pub(crate) fn moment(unix_s: i64, zone: TimeZone, language: Language) -> String {
    let local_s = (unix_s + zone.offset_s()).rem_euclid(86_400);
    let mark = language.pick(".", ":");
    let (hours, minutes, seconds) = (local_s / 3_600, local_s / 60 % 60, local_s % 60);
    let rest = if seconds == 0 { String::new() } else { format!("{mark}{seconds:02}") };
    let day = date(date_of_day(zone.day_at(unix_s)), language);
    format!("{day} {hours:02}{mark}{minutes:02}{rest} {}", zone.label())
}

/// Weekly hours in words: `Sen-Kam 08.00-16.00; Jum 08.00-11.30, 13.00-16.00`.
pub(super) fn weekly(hours: &OfficeHours, language: Language) -> String {
    if hours.is_always() {
        return language.pick("setiap saat", "always").to_owned();
    }
    const DAYS: [[&str; 3]; 7] = [
        ["mon", "Sen", "Mon"],
        ["tue", "Sel", "Tue"],
        ["wed", "Rab", "Wed"],
        ["thu", "Kam", "Thu"],
        ["fri", "Jum", "Fri"],
        ["sat", "Sab", "Sat"],
        ["sun", "Min", "Sun"],
    ];
    let mut text = hours.written_out().replace(',', ", ").replace(':', language.pick(".", ":"));
    for [day, id, en] in DAYS {
        text = text.replace(day, language.pick(id, en));
    }
    text
}

/// A period's name for a title.
pub(super) fn period(name: PeriodName, language: Language) -> String {
    let months = match language {
        Language::Id => MONTHS_ID,
        Language::En => MONTHS_EN,
    };
    let to = language.pick("sampai", "to");
    match name {
        PeriodName::Quarter { year, quarter } => {
            let roman = ["I", "II", "III", "IV"][usize::from(quarter.unsigned_abs()).clamp(1, 4) - 1];
            match language {
                Language::Id => format!("Triwulan {roman} {year}"),
                Language::En => format!("Quarter {quarter} of {year}"),
            }
        }
        PeriodName::Semester { year, half } => match language {
            Language::Id => format!("Semester {} {year}", ["I", "II"][usize::from(half == 2)]),
            Language::En => format!("Half {half} of {year}"),
        },
        PeriodName::Month { year, month } => {
            format!("{} {year}", months[usize::from(month.unsigned_abs()).clamp(1, 12) - 1])
        }
        PeriodName::Year { year } => language.pick("Tahun Anggaran ", "Year ").to_owned() + &year.to_string(),
        PeriodName::Days { first, last } if first == last => date(first, language),
        PeriodName::Days { first, last } => {
            format!("{} {to} {}", date(first, language), date(last, language))
        }
        PeriodName::Times { .. } => {
            let window = name.window();
            let at = |s| moment(s, TimeZone::Wib, language);
            format!("{} {to} {}", at(window.start_s), at(window.end_s))
        }
    }
}

/// One line of a Markdown table; what a name contains cannot break out of its cell.
pub(super) fn row(cells: &[String]) -> String {
    let safe: Vec<String> = cells.iter().map(|cell| plain(cell)).collect();
    format!("| {} |\n", safe.join(" | "))
}

/// A text from outside, made harmless for Markdown and for the HTML that is made of it.
pub(super) fn plain(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' => {
                safe.push('\\');
                safe.push(c);
            }
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use Language::{En, Id};

    #[test]
    fn numbers_are_written_as_each_language_does() {
        assert_eq!(decimal(123_456, 2, Id), "1.234,56");
        assert_eq!(decimal(123_456, 2, En), "1,234.56");
        assert_eq!(decimal(7, 2, Id), "0,07");
        assert_eq!(count(1_000_000_u64, Id), "1.000.000");
        assert_eq!(share(0.95, Id), "95%");
        assert_eq!(share(0.3333, Id), "33,33%");
        assert_eq!(number(0.25, Id), "0,25");
    }

    #[test]
    fn what_is_printed_as_a_threshold_reached_it() {
        let almost = Ratio::of(949_999, 1_000_000);
        assert_eq!(percent_down(almost, Id), "94,99%");
        assert_eq!(percent_down(Ratio::of(9_999_999, 10_000_000), En), "99.99%");
        assert_eq!(percent_up(Ratio::of(1, 1_000_000), En), "0.01%");
        assert_eq!(percent_down(None, Id), NOTHING);
    }

    #[test]
    fn times_carry_their_zone_and_dates_their_month_in_words() {
        let moment_s = 1_772_672_820;
        assert_eq!(moment(moment_s, TimeZone::Wib, Id), "5 Maret 2026 08.07 WIB");
        assert_eq!(moment(moment_s, TimeZone::Wib, En), "5 March 2026 08:07 WIB");
        assert_eq!(moment(moment_s + 5, TimeZone::Wit, En), "5 March 2026 10:07:05 WIT");
    }

    #[test]
    fn weekly_hours_are_read_by_people() {
        let friday = "Jum 08.00-11.30, 13.00-16.00";
        assert_eq!(weekly(&OfficeHours::standard(), Id), format!("Sen-Kam 08.00-16.00; {friday}"));
        let night: OfficeHours = "sun 18:00-23:00".parse().expect("hours");
        assert_eq!(weekly(&night, En), "Sun 18:00-23:00");
        assert_eq!(weekly(&OfficeHours::always(), Id), "setiap saat");
    }

    #[test]
    fn lengths_of_time_are_hours_and_minutes() {
        assert_eq!(duration(0, Id), "0 menit");
        assert_eq!(duration(61, En), "1 minute 1 second");
        assert_eq!(duration(183_900, Id), "51 jam 5 menit");
        assert_eq!(duration_cell(183_900, Id), "51\u{a0}jam 5\u{a0}menit");
    }

    #[test]
    fn a_name_cannot_break_out_of_its_cell() {
        assert_eq!(row(&["a|b\n<i>".to_owned()]), "| a\\|b &lt;i&gt; |\n");
    }
}
