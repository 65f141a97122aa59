//! Bahasa Indonesia.

use std::path::Path;

use suar_wire::SiteCode;
use suar_wire::bandwidth::{Direction, TestEnd};
use suar_wire::join_code::JoinCodeError;
use suar_wire::record::Round;
use suar_wire::{Cause, EchoError, EchoMethod, Failure, Note, Outcome, Stamp, Step, Verdict};

use super::picture::{mbps, picture};
use super::{Delivery, answered, line, mb, median_rtt, ms, seconds_since, seconds_until, used};
use crate::bandwidth::Tested;
use crate::files::Trouble;
use crate::identity::Identity;
use crate::language::Language;
use crate::service::Started;
use crate::status::{Freshness, LineTest, Status};
use crate::uplink::PushFailure;

mod ndt7;

pub use ndt7::*;

pub fn code_mistyped(error: &JoinCodeError) -> String {
    let why = match error {
        JoinCodeError::Prefix => "kode diawali SUAR1-".to_owned(),
        JoinCodeError::Letter { letter, place } => {
            format!("huruf {letter:?} pada posisi {place} tidak pernah ada dalam kode")
        }
        JoinCodeError::Check => "ada salah ketik, atau kode belum lengkap".to_owned(),
        JoinCodeError::Content => "bentuk kode ini tidak dikenal oleh versi program ini".to_owned(),
    };
    format!("Kode ini tidak benar: {why}. Bandingkan dengan kode yang Anda terima.")
}

pub fn not_a_directory(path: &Path) -> String {
    format!("{} tidak dapat dipakai sebagai direktori.", path.display())
}

pub fn cannot_write(file: &Path, error: &std::io::Error) -> String {
    let what_to_do = Trouble::of(error).what_to_do(Language::Id);
    format!("{} tidak dapat ditulis: {error}. {what_to_do}", file.display())
}

pub fn proxy_is_not_used(address: &str) -> String {
    format!(
        "Di komputer ini diatur sebuah proxy. Agen tidak memakai proxy: minta petugas jaringan mengizinkan sambungan langsung ke {address}."
    )
}

pub fn second_agent(other: &SiteCode) -> String {
    format!(
        "Di komputer ini sudah terpasang agen lain, untuk {other}. Keduanya mengukur sambungan yang sama dan sama-sama memakai data: hapus salah satu, kecuali memang diinginkan dua."
    )
}

pub fn joined(identity: &Identity, file: &Path) -> String {
    format!(
        "Terdaftar: komputer ini sekarang mengukur untuk {} ({}).\nKonfigurasi: {}.",
        identity.site_name,
        identity.site,
        file.display()
    )
}

pub fn left_from_before(before: &Identity, file: &Path) -> String {
    format!(
        "Hasil pengukuran untuk {} ({}) yang belum terkirim tidak hilang: saat agen dijalankan, semuanya disimpan dalam\n{}\nBawa berkas itu ke pengelola server pemantau, yang memasukkannya dengan: suar-collector import FILE",
        before.site_name,
        before.site,
        file.display()
    )
}

pub fn started(started: &Started) -> String {
    match started {
        Started::Running => "Agen sudah berjalan dan menyala sendiri setiap komputer dihidupkan.".to_owned(),
        Started::NotInstalled => "Jalankan dengan: suar-agent run".to_owned(),
        Started::Refused(words) => {
            format!("Agen tidak dapat dijalankan; sampaikan pesan sistem ini kepada pengelola:\n{words}")
        }
    }
}

pub fn checking(identity: &Identity) -> String {
    format!("Memeriksa sambungan {} ({}), paling lama 15 detik ...", identity.site_name, identity.site)
}

pub fn trouble(error: &anyhow::Error) -> String {
    format!(
        "Pemeriksaan tidak dapat dilakukan: {error:#}. Ini bukan soal sambungan internet; hubungi pengelola."
    )
}

pub fn testing(identity: &Identity) -> String {
    format!("Menguji kecepatan {} ({}), paling lama satu menit ...", identity.site_name, identity.site)
}

pub fn tested(tested: &Tested) -> String {
    let record = &tested.record;
    let direction = direction_name(record.direction);
    let cost = format!("{}, {:.1} detik", mb(record.bytes), f64::from(record.elapsed_ms) / 1000.0);
    let Some(rate_bps) = record.rate_bps else {
        return format!("{direction}: {} ({cost})\n", no_rate(record.end));
    };
    let mut text = format!("{direction}: {} ({cost})\n", mbps(rate_bps));
    text += &picture(&tested.course, "dikirim", "tiba");
    if record.end == TestEnd::Unsteady {
        text +=
            "  ! Sambungan tidak stabil, atau lebih cepat dari yang dapat diukur: angka ini bisa meleset.\n";
    }
    if let Some(burst_bps) = record.burst_bps {
        text += &format!("  ! Pada awalnya {}: penyedia meloloskan lonjakan singkat.\n", mbps(burst_bps));
    }
    if let Some(cross_bps) = record.cross_bps.filter(|cross_bps| cross_bps * 10 > rate_bps) {
        text += &format!(
            "  ! Komputer ini sendiri sedang memakai {}: sambungan mungkin lebih cepat dari hasil ukur.\n",
            mbps(cross_bps)
        );
    }
    if let Some((idle_us, loaded_us)) = record.idle_rtt_us.zip(record.loaded_rtt_us) {
        text += &format!("  Waktu bolak-balik {}, selama pengujian {}.\n", ms(idle_us), ms(loaded_us));
    }
    text
}

pub fn no_rate(end: TestEnd) -> &'static str {
    match end {
        TestEnd::Measured | TestEnd::Unsteady => "terukur",
        TestEnd::SkippedLinkDown => "tidak diuji, sambungan terputus",
        TestEnd::SkippedAllowance => "tidak diuji, kuota data akan terlampaui",
        TestEnd::SkippedMetered => "tidak diuji, menurut sistem sambungan ini berkuota",
        TestEnd::SkippedCrossTraffic => "tidak diuji, sambungan sedang dipakai",
        TestEnd::SkippedBusy => "tidak diuji, pengumpul sedang melayani pengujian lain; coba lagi nanti",
        TestEnd::SkippedPaused => "tidak diuji, pengukuran sedang dijeda",
        TestEnd::SkippedNotOffered => "tidak diuji, pengumpul tidak menyediakan pengujian",
        TestEnd::FailedUnreachable => "gagal, pengumpul tidak terjangkau",
        TestEnd::FailedBrokenOff => "gagal, sambungan putus di tengah pengujian",
        TestEnd::FailedUdpBlocked => "gagal, jaringan tidak meloloskan datagram (UDP)",
        TestEnd::FailedProtocol => "gagal, yang menjawab bukan pengumpul versi ini",
    }
}

pub fn test_under_way() -> String {
    "pengujian kecepatan lain sedang berjalan di komputer ini".to_owned()
}

pub fn cannot_test(error: &anyhow::Error) -> String {
    format!("Pengujian tidak dilakukan: {error:#}.")
}

pub fn handed_in(agent_runs: bool) -> String {
    match agent_runs {
        true => "Agen yang berjalan mengirimkan hasil ini ke pengumpul.".to_owned(),
        false => {
            "Tidak ada agen yang berjalan di sini: hasil dikirim ke pengumpul saat agen berjalan.".to_owned()
        }
    }
}

pub fn carried_out(identity: &Identity, file: &Path, records: u64) -> String {
    format!(
        "{records} rekaman dari {} ({}) ada dalam {}.\nBawa berkas ini ke pengelola server pemantau, yang memasukkannya dengan: suar-collector import FILE\nTidak ada yang dihapus di sini. Rekaman dikirim lagi saat sambungan kembali, dan tetap dihitung satu kali.",
        identity.site_name,
        identity.site,
        file.display()
    )
}

pub fn nothing_to_carry() -> String {
    "Tidak ada yang tertunda di sini: server sudah menerima semuanya. Tidak ada berkas yang ditulis."
        .to_owned()
}

pub fn cannot_carry(error: &anyhow::Error) -> String {
    format!("Tidak ada berkas yang ditulis: {error:#}.")
}

pub fn would_replace(file: &Path) -> String {
    format!("{} sudah ada dan bukan berkas carry-out; tidak diubah. Pilih nama lain.", file.display())
}

pub fn never_ran(runtime: &Path) -> String {
    format!(
        "Agen belum pernah berjalan di sini (tidak ada status di {}). Jalankan dengan: suar-agent run",
        runtime.display()
    )
}

pub fn paused(seconds: u64) -> String {
    format!(
        "Dijeda selama {}: mulai putaran berikutnya tidak ada yang diukur. Server diberi tahu. \
         Untuk mengakhirinya lebih awal: suar-agent resume",
        span(seconds)
    )
}

pub fn resumed(was_paused: bool) -> String {
    if was_paused {
        "Jeda berakhir: putaran berikutnya diukur lagi.".to_owned()
    } else {
        "Tidak ada jeda; tidak ada yang diubah.".to_owned()
    }
}

pub fn pause_left(left_s: u64) -> String {
    format!("DIJEDA, sisa {}: tidak ada yang diukur karena diminta dari kantor ini.\n", span(left_s))
}

pub fn findings(round: &Round, delivery: &Delivery) -> String {
    let (reached, asked) = answered(round);
    let internet = match (median_rtt(round), asked) {
        (Some((rtt, EchoMethod::Icmp)), _) => format!("{reached} dari {asked} alamat menjawab, {rtt}"),
        (Some((rtt, EchoMethod::TcpConnect)), _) => {
            format!("ping tidak lewat, server pemantau menjawab lewat TCP, {rtt}")
        }
        (None, 0) => "tidak ditanya".to_owned(),
        (None, _) => format!("tidak satu pun dari {asked} alamat menjawab"),
    };
    let reached = if reached > 0 { Outcome::Ok { elapsed_us: 0 } } else { Outcome::Failed(Failure::Timeout) };
    let mut text = format!("{}\n", verdict(round.verdict));
    text += &line(round.gateway, "Router kantor ini", &found(round.gateway));
    text += &line(reached, "Alamat di internet", &internet);
    text += &line(round.dns, "Nama (DNS jaringan ini)", &found(round.dns));
    text += &line(round.dns_public, "Nama (DNS publik)", &found(round.dns_public));
    text += &line(round.online, "Halaman login (portal)", &portal(round.online));
    text += &line(round.collector, "Server pemantau", &found(round.collector));
    text += &format!("{}\n", whose_job(round.verdict, round.note));
    if round.echoes.iter().any(|echo| echo.error == Some(EchoError::NoPermission)) {
        text += "Program ini tidak boleh mengirim ping di sini: jalankan sebagai administrator, atau beri CAP_NET_RAW.\n";
    }
    text += &match delivery {
        Delivery::Done { records: 0 } => "Terkirim: tidak ada yang tertunda, server menjawab.\n".to_owned(),
        Delivery::Done { records } => format!("Terkirim: server menerima {records} rekaman yang tertunda.\n"),
        Delivery::LeftToRunningAgent => {
            "Pengiriman: dilakukan oleh agen yang sedang berjalan di komputer ini (lihat `suar-agent status`).\n"
                .to_owned()
        }
        Delivery::Failed(failure) => {
            format!("Belum terkirim: {}. Tidak ada yang hilang, akan dikirim nanti.\n", push_failed(failure))
        }
        Delivery::Unreadable(why) => format!("Belum terkirim: {why}. Hubungi pengelola.\n"),
        Delivery::TimedOut => {
            "Belum terkirim: server terlalu lambat. Tidak ada yang hilang, akan dikirim nanti.\n".to_owned()
        }
    };
    text
}

fn push_failed(failure: &PushFailure) -> String {
    match failure {
        PushFailure::Unreachable(why) => format!("server tidak dapat dihubungi ({why})"),
        PushFailure::WrongCertificate => "yang menjawab bukan server kita".to_owned(),
        PushFailure::Unauthorized { .. } => {
            "server tidak lagi menerima komputer ini; daftarkan lagi dengan kode baru".to_owned()
        }
        PushFailure::Later { .. } => "server meminta menunggu".to_owned(),
        PushFailure::TooLarge | PushFailure::Malformed => "server tidak dapat membaca kiriman ini".to_owned(),
        PushFailure::Answer(why) => format!("jawaban server tidak dapat dimengerti ({why})"),
    }
}

fn found(outcome: Outcome) -> String {
    match outcome {
        Outcome::NotSent => "tidak ditanya".to_owned(),
        Outcome::Ok { elapsed_us: 0 } => "ada".to_owned(),
        Outcome::Ok { elapsed_us } => format!("menjawab, {}", ms(elapsed_us)),
        Outcome::Failed(failure) => match failure {
            Failure::Timeout => "tidak menjawab dalam 3 detik",
            Failure::Refused => "menolak",
            Failure::Unreachable => "tidak dapat dijangkau",
            Failure::WrongAnswer => "jawabannya salah",
            Failure::NxDomain => "mengatakan nama itu tidak ada",
            Failure::ServFail => "mengatakan sedang rusak",
            Failure::CertificateWrong => "yang menjawab bukan server kita",
            Failure::CertificateTime => "jam komputer ini salah",
            Failure::TooLarge => "jawabannya terlalu besar",
            Failure::Local => "tidak dapat ditanya",
            Failure::Status => "menjawab bahwa sedang bermasalah",
        }
        .to_owned(),
    }
}

fn portal(outcome: Outcome) -> String {
    match outcome {
        Outcome::Ok { .. } => "tidak ada yang menghalangi".to_owned(),
        Outcome::Failed(Failure::WrongAnswer) => "ada yang menjawab sebagai ganti internet".to_owned(),
        other => found(other),
    }
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Up => "Sambungan internet TERSAMBUNG.",
        Verdict::Down(Cause::NoNetwork) => "TERPUTUS: komputer ini tidak terhubung ke jaringan apa pun.",
        Verdict::Down(Cause::Gateway) => "TERPUTUS: router kantor tidak menjawab.",
        Verdict::Down(Cause::Internet) => "TERPUTUS: router kantor baik, internet di belakangnya tidak.",
        Verdict::Down(Cause::Dns) => "TERPUTUS bagi program: alamat menjawab, nama (DNS) tidak.",
        Verdict::Down(Cause::CaptivePortal) => "TERPUTUS: terhalang halaman login, atau kuota habis.",
    }
}

fn whose_job(verdict: Verdict, note: Note) -> &'static str {
    match (verdict, note) {
        (Verdict::Down(Cause::NoNetwork), _) => {
            "Yang harus dilakukan di sini: pasang kabel atau nyalakan Wi-Fi."
        }
        (Verdict::Down(Cause::Gateway), _) => {
            "Yang harus dilakukan di sini: periksa listrik dan kabel router; nyalakan ulang router."
        }
        (Verdict::Down(Cause::Internet), _) => {
            "Yang harus dilakukan: nyalakan ulang modem dan router sekali; bila tidak membantu, hubungi penyedia internet."
        }
        (Verdict::Down(Cause::Dns), _) => {
            "Yang harus dilakukan: nyalakan ulang router; bila tidak membantu, penyedia atau petugas TI harus mengganti DNS."
        }
        (Verdict::Down(Cause::CaptivePortal), _) => {
            "Yang harus dilakukan di sini: buka peramban dan masuk (login), atau isi ulang kuota."
        }
        (Verdict::Up, Note::CollectorUnreachable) => {
            "Tidak ada yang perlu dilakukan di sini: hanya server pemantau yang tidak terjangkau, itu tugas pengelola."
        }
        (Verdict::Up, Note::ClockWrong) => {
            "Yang harus dilakukan di sini: betulkan tanggal dan jam komputer ini."
        }
        (Verdict::Up, Note::IcmpUnavailable | Note::None) => "Tidak ada yang perlu dilakukan di sini.",
    }
}

pub fn status(status: &Status, freshness: Freshness, now: Stamp) -> String {
    let mut text = format!("{} ({})\n", status.site_name, status.site);
    text += &match freshness {
        Freshness::Running => "Agen sedang berjalan.\n".to_owned(),
        Freshness::Stale { age_s } => {
            format!(
                "AGEN TIDAK BERJALAN: tidak ada kabar selama {}. Keterangan berikut sudah lama.\n",
                span(age_s)
            )
        }
        Freshness::Stopped => "Agen telah dihentikan. Keterangan berikut sudah lama.\n".to_owned(),
        Freshness::BeforeBoot => {
            "AGEN BELUM BERJALAN sejak komputer ini dinyalakan. Keterangan berikut sudah lama.\n".to_owned()
        }
    };
    if let Some(until_ms) = status.paused_until_ms {
        text += &pause_left(seconds_until(until_ms, now));
    }
    text += match status.verdict {
        Some(found) => verdict(found),
        None => "Belum ada putaran yang selesai.",
    };
    text.push('\n');
    if let Some(since_ms) = status.verdict_since_ms.filter(|_| freshness == Freshness::Running) {
        text += &format!("  sejak {} yang lalu\n", span(seconds_since(since_ms, now)));
    }
    if let Some((rtt, _)) = status.round.as_ref().and_then(median_rtt) {
        text += &format!("  waktu pulang-pergi {rtt}\n");
    }
    text += &match status.uplink.last_receipt_wall_ms {
        Some(at) => {
            format!("Tanda terima terakhir dari server: {} yang lalu\n", span(seconds_since(at, now)))
        }
        None => "Belum ada tanda terima dari server sejak agen dijalankan\n".to_owned(),
    };
    text += &format!("Menunggu dikirim: {} rekaman\n", status.spool.records_pending);
    for known in &status.bandwidth {
        text += &line_test(known, now);
    }
    if let Some(data) = &status.data {
        text += &format!("Data yang dipakai agen pada {}: {}\n", data.month, used(data, "dari"));
        text += saving(data.step);
        if data.metered == Some(true) {
            text += "  sambungan ini dibayar menurut banyaknya data\n";
        }
    }
    if status.uplink.revoked {
        text += "SERVER TIDAK LAGI MENERIMA KOMPUTER INI; hubungi pengelola.\n";
    } else if let Some(error) = &status.uplink.last_error {
        text += &format!("Pengiriman terakhir gagal: {error}\n");
    }
    if let Some(refused) = &status.uplink.refused_plan {
        text += &format!(
            "RENCANA BARU DARI SERVER TIDAK DAPAT DIPAKAI, pengukuran berjalan dengan yang lama; hubungi pengelola: {}\n",
            refused.reason
        );
    }
    if let Some(refused) = &status.refused_program {
        text += &format!(
            "Versi baru tidak dapat dipakai, versi ini tetap berjalan; hubungi pengelola: {refused}\n"
        );
    }
    if let Some(trouble) = &status.spool.trouble {
        text += &format!("MASALAH PADA DISK: {trouble}\n");
    }
    if status.spool.dropped_total > 0 {
        text +=
            &format!("Rekaman yang hilang karena terlalu lama menunggu: {}\n", status.spool.dropped_total);
    }
    text
}

/// The newest test of a direction in one line.
fn line_test(known: &LineTest, now: Stamp) -> String {
    let direction = direction_name(known.test.direction);
    let found = known.test.rate_bps.map_or_else(|| no_rate(known.test.end).to_owned(), mbps);
    let off = if known.test.end == TestEnd::Unsteady { " (tidak stabil)" } else { "" };
    format!("{direction}: {found}{off}, {} yang lalu\n", span(seconds_since(known.at_ms, now)))
}

fn direction_name(direction: Direction) -> &'static str {
    match direction {
        Direction::Download => "Unduh",
        Direction::Upload => "Unggah",
    }
}

fn saving(step: Step) -> &'static str {
    match step {
        Step::Full => "",
        Step::NoBandwidth => "  untuk menghemat data: tanpa uji kecepatan\n",
        Step::Standard => "  untuk menghemat data: tanpa uji kecepatan, satu ping ke setiap tujuan\n",
        Step::Frugal => "  untuk menghemat data: mengukur dan mengirim lebih jarang\n",
        Step::Heartbeat => "  untuk menghemat data: hanya tanda hidup sesekali\n",
    }
}

fn span(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} detik"),
        120..=7_199 => format!("{} menit", seconds / 60),
        7_200..=172_799 => format!("{} jam", seconds / 3_600),
        _ => format!("{} hari", seconds / 86_400),
    }
}
