//! Yang dikatakan tentang pengujian dengan server pihak lain.

use std::path::Path;

use super::direction_name;
use crate::bandwidth::ndt7::{CertificateFault, Cost, End, Found, NoAddress, NoTrust, Refused};
use crate::cli::words::picture::mbps;
use crate::cli::words::{mb, mb_of_all};

pub fn ndt7_no_address(why: NoAddress) -> String {
    match why {
        NoAddress::Scheme => {
            "Tulis server ndt7 sebagai wss://HOST atau wss://HOST:PORT; selain itu tidak terenkripsi."
        }
        NoAddress::Path => {
            "Ini bukan alamat ndt7: setelah nama server tidak ada apa-apa, atau /ndt/v7/download, atau /ndt/v7/upload."
        }
        NoAddress::Query => "Bagian setelah tanda ? lebih panjang dari yang diizinkan ndt7 (4096 byte).",
        NoAddress::Server => {
            "Alamat ini tidak menyebut server; bentuknya wss://HOST atau wss://HOST:PORT."
        }
        NoAddress::OtherDirection => "Ini alamat pengujian untuk arah yang lain.",
    }
    .to_owned()
}

pub fn ndt7_no_trust(file: &Path, why: &NoTrust) -> String {
    let file = file.display();
    match why {
        NoTrust::Missing => format!("Berkas {file} tidak ada."),
        NoTrust::Unreadable(error) => format!("{file} tidak dapat dibaca: {error}."),
        NoTrust::NoCertificate => format!("{file} tidak berisi sertifikat otoritas dalam bentuk PEM."),
    }
}

pub fn ndt7_costs(server: &str, costs: &[Cost]) -> String {
    let mut text =
        format!("ndt7 memenuhi sambungan selama sepuluh detik untuk tiap arah. Server: {server}\n");
    for cost in costs {
        let direction = direction_name(cost.direction);
        let most = mb(cost.bound_bytes);
        text += &match cost.expected_bytes.zip(cost.believed_bps) {
            Some((expected, bps)) => format!(
                "  {direction}: sekitar {}, paling banyak {most} (pengujian terdahulu: {})\n",
                mb(expected),
                mbps(bps)
            ),
            None => format!("  {direction}: paling banyak {most} (sambungan ini belum pernah diuji)\n"),
        };
    }
    let all = mb_of_all(costs, |cost| cost.bound_bytes);
    let ours = mb_of_all(costs, |cost| cost.ours_bytes);
    text + &format!(
        "Seluruhnya paling banyak {all}. Pengujian Suar sendiri (tanpa --ndt7) memakai sekitar {ours}.\n"
    )
}

pub fn ndt7_ask() -> String {
    "Lanjutkan? [y/T]".to_owned()
}

pub fn ndt7_not_agreed() -> String {
    "Tidak ada yang dikirim.".to_owned()
}

pub fn ndt7_nobody_to_ask() -> String {
    "Tidak ada yang dikirim: tidak ada orang yang dapat ditanya di sini; yang menyetujui biaya ini menambahkan --yes."
        .to_owned()
}

pub fn ndt7_refused(server: &str, why: &Refused) -> String {
    match why {
        Refused::Name => format!("Nama server {server} tidak dapat ditemukan."),
        Refused::Connect(error) => format!("Server {server} tidak terjangkau: {error}."),
        Refused::Certificate(CertificateFault::UnknownAuthority) => format!(
            "Sertifikat {server} bukan dari otoritas yang dikenal di sini; untuk server sendiri sebutkan dengan --ca BERKAS."
        ),
        Refused::Certificate(CertificateFault::OtherName) => {
            format!("Sertifikat {server} dibuat untuk nama lain.")
        }
        Refused::Certificate(CertificateFault::Time) => {
            format!("Sertifikat {server} tidak berlaku saat ini, atau jam komputer ini salah.")
        }
        Refused::Certificate(CertificateFault::Other(error)) => {
            format!("Sertifikat {server} tidak dapat dipakai: {error}.")
        }
        Refused::Tls => format!("Yang menjawab di {server} tidak memakai TLS."),
        Refused::Status(status) => {
            format!("Server {server} tidak memulai pengujian: jawabannya {}.", status.as_u16())
        }
        Refused::NotNdt7 => format!("Yang menjawab di {server} bukan server ndt7."),
        Refused::Timeout => format!("Server {server} tidak memulai pengujian dalam 20 detik."),
        Refused::Random => "Sistem tidak memberikan bilangan acak.".to_owned(),
    }
}

pub fn ndt7_found(found: &Found) -> String {
    let direction = direction_name(found.cost.direction);
    let cost = format!("{}, {:.1} detik", mb(found.bytes), f64::from(found.elapsed_ms) / 1000.0);
    let why = match found.end {
        End::Complete | End::Bound => "tidak ada yang tiba",
        End::BrokenOff => "gagal, sambungan putus di tengah pengujian",
        End::Silent => "gagal, server memulai pengujian lalu diam",
        End::Protocol => "gagal, yang dikirim server bukan ndt7",
    };
    let Some(rate_bps) = found.rate_bps else { return format!("{direction}: {why} ({cost})\n") };
    let mut text = format!("{direction}: {} ({cost})\n", mbps(rate_bps));
    if found.end == End::Bound {
        text += "  ! Dihentikan pada batas biayanya: angka ini dari pengujian yang lebih pendek.\n";
    }
    if !found.by_receiver {
        text +=
            "  ! Server tidak menyebut berapa yang tiba: angka ini yang dikirim, dan agak terlalu tinggi.\n";
    }
    text
}

pub fn ndt7_explained() -> String {
    "ndt7 menghitung tanpa header, sekitar 4 % kurang dari Suar. Hasil ini tidak dikirim; biayanya dihitung sebagai pemakaian data."
        .to_owned()
}
