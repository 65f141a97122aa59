//! Why joining failed, for the person who typed the code: what is wrong, and what to do about it.

use suar_wire::joining::JoinRefusal;

use super::{JoinFailure, Obstacle};
use crate::files::Trouble;
use crate::identity::IdentityError;
use crate::language::Language;

impl JoinFailure {
    /// What to tell the person who typed the code: what is wrong and what to do.
    pub fn message(&self, language: Language) -> String {
        match language {
            Language::Id => self.indonesian(),
            Language::En => self.english(),
        }
    }

    /// Whether a proxy between here and the collector would look like this.
    pub fn may_be_a_proxy(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::WrongCertificate { .. })
    }

    fn indonesian(&self) -> String {
        match self {
            Self::AlreadyJoined { site, asked } if site != asked => format!(
                "Komputer ini sudah terdaftar untuk lokasi {site}, sedangkan kode ini untuk {asked}. Bila komputer ini memang pindah ke {asked}, ulangi dengan --force; bila tidak, pakai kode ini di komputer lain."
            ),
            Self::AlreadyJoined { site, .. } => format!(
                "Komputer ini sudah terdaftar untuk lokasi {site}. Tidak ada yang perlu dilakukan. Untuk mendaftar ulang dengan kode baru, ulangi dengan --force."
            ),
            Self::Unreachable { address, obstacle, .. } => format!(
                "Server pemantau di {address} tidak dapat dihubungi: {} Lalu coba lagi; {}.",
                obstacle_indonesian(*obstacle, address),
                match obstacle {
                    Obstacle::AnswerLost => "di komputer ini kode yang sama masih dapat dipakai selama satu hari",
                    _ => "kode masih berlaku",
                }
            ),
            Self::WrongCertificate { address } => format!(
                "Yang menjawab di {address} bukan server pemantau yang membuat kode ini. Mungkin jaringan ini meminta login dulu (portal): buka peramban dan masuk. Mungkin proxy, firewall, atau antivirus membuka isi sambungan HTTPS: minta petugas jaringan mengecualikan {address}. Bila bukan keduanya, server sudah diganti: minta kode baru. Kode ini belum terpakai."
            ),
            Self::Refused(JoinRefusal::UnknownCode) => {
                "Server tidak mengenal kode ini. Periksa setiap huruf, atau minta kode baru kepada pengelola.".to_owned()
            }
            Self::Refused(JoinRefusal::Expired) => {
                "Masa berlaku kode ini sudah habis. Minta kode baru kepada pengelola.".to_owned()
            }
            Self::Refused(JoinRefusal::UsedUp) => {
                "Kode ini sudah dipakai. Setiap komputer memerlukan kode sendiri: minta kode baru kepada pengelola."
                    .to_owned()
            }
            Self::Refused(JoinRefusal::WrongSite) => {
                "Kode ini dibuat untuk lokasi lain. Minta kode untuk lokasi ini kepada pengelola.".to_owned()
            }
            Self::Refused(JoinRefusal::Revoked) => {
                "Kode ini sudah dicabut oleh pengelola. Minta kode baru kepada pengelola.".to_owned()
            }
            Self::Busy => "Server sedang sibuk. Tunggu satu menit, lalu coba lagi; kode masih berlaku.".to_owned(),
            Self::Answer { address, what } => format!(
                "Jawaban dari {address} tidak dapat dimengerti ({what}). Mungkin versi program ini tidak cocok dengan server; hubungi pengelola."
            ),
            Self::Files(error) => format!(
                "Berkas tidak dapat dibaca atau ditulis: {error}. {} Kode ini belum terpakai.",
                trouble_of(error).what_to_do(Language::Id)
            ),
            Self::FilesAfterwards(error) => format!(
                "Kode diterima, tetapi identitas komputer ini tidak dapat disimpan: {error}. {} Lalu coba lagi: di komputer ini kode yang sama masih dapat dipakai selama satu hari.",
                trouble_of(error).what_to_do(Language::Id)
            ),
        }
    }

    fn english(&self) -> String {
        match self {
            Self::AlreadyJoined { site, asked } if site != asked => format!(
                "This machine has joined already, for site {site}, and this code is for {asked}. If the machine has moved to {asked}, repeat with --force; if not, use the code on another machine."
            ),
            Self::AlreadyJoined { site, .. } => format!(
                "This machine has joined already, for site {site}. There is nothing to do. To join again with a new code, repeat with --force."
            ),
            Self::Unreachable { address, obstacle, .. } => format!(
                "The collector at {address} cannot be reached: {} Then try again; {}.",
                obstacle_english(*obstacle, address),
                match obstacle {
                    Obstacle::AnswerLost => "on this machine the same code can be used for another day",
                    _ => "the code is still good",
                }
            ),
            Self::WrongCertificate { address } => format!(
                "What answers at {address} is not the collector that made this code. Perhaps this network asks for a login first (portal): open a browser and log in. Perhaps a proxy, a firewall or a virus scanner opens HTTPS connections: ask whoever runs this network to leave {address} out. If it is neither, the collector was replaced: ask for a new code. This one is not used."
            ),
            Self::Refused(JoinRefusal::UnknownCode) => {
                "The collector does not know this code. Check every letter, or ask the administrator for a new one."
                    .to_owned()
            }
            Self::Refused(JoinRefusal::Expired) => {
                "This code has expired. Ask the administrator for a new one.".to_owned()
            }
            Self::Refused(JoinRefusal::UsedUp) => {
                "This code has been used. Every machine needs its own: ask the administrator for a new one.".to_owned()
            }
            Self::Refused(JoinRefusal::WrongSite) => {
                "This code was made for another site. Ask the administrator for one for this site.".to_owned()
            }
            Self::Refused(JoinRefusal::Revoked) => {
                "This code was revoked by the administrator. Ask the administrator for a new one.".to_owned()
            }
            Self::Busy => "The collector is busy. Wait a minute and try again; the code is still good.".to_owned(),
            Self::Answer { address, what } => format!(
                "The answer from {address} cannot be understood ({what}). Perhaps this program's version does not fit the collector's; ask the administrator."
            ),
            Self::Files(error) => format!(
                "A file cannot be read or written: {error}. {} This code is not used.",
                trouble_of(error).what_to_do(Language::En)
            ),
            Self::FilesAfterwards(error) => format!(
                "The code was taken, but this machine's identity cannot be kept: {error}. {} Then try again: on this machine the same code can be used for another day.",
                trouble_of(error).what_to_do(Language::En)
            ),
        }
    }
}

fn trouble_of(error: &IdentityError) -> Trouble {
    match error {
        IdentityError::Read { source, .. } | IdentityError::Write { source, .. } => Trouble::of(source),
        IdentityError::Damaged { .. } => Trouble::Other,
    }
}

fn obstacle_indonesian(obstacle: Obstacle, address: &str) -> String {
    let allow = format!("minta petugas jaringan mengizinkan sambungan langsung ke {address}");
    match obstacle {
        Obstacle::NoNetwork => {
            "komputer ini tidak terhubung ke jaringan. Pasang kabel atau nyalakan Wi-Fi.".to_owned()
        }
        Obstacle::Name => "namanya tidak ditemukan. Buka sebuah situs di peramban: bila tidak terbuka, internet kantor ini sedang mati; bila terbuka, sampaikan nama ini kepada pengelola.".to_owned(),
        Obstacle::Refused => format!(
            "sambungan ditolak. Server sedang dimatikan, atau firewall menutup pintu (port) itu: tanyakan kepada pengelola apakah server berjalan; bila ya, {allow}."
        ),
        Obstacle::Silent => format!(
            "tidak ada jawaban. Buka sebuah situs di peramban: bila tidak terbuka, internet kantor ini sedang mati; bila terbuka, firewall mungkin menutup pintu (port) itu: {allow}."
        ),
        Obstacle::NotTls => format!(
            "yang menjawab di sana bukan server pemantau, mungkin proxy kantor. Agen tidak memakai proxy: {allow}."
        ),
        Obstacle::BrokenOff => format!(
            "sambungan diputus di tengah jalan. Sambungannya buruk, atau firewall memutusnya: bila berulang, {allow}."
        ),
        Obstacle::AnswerLost => "kode terkirim, tetapi jawabannya tidak sampai. Sambungannya mungkin buruk atau sangat lambat.".to_owned(),
        Obstacle::Other => "periksa sambungan internet kantor ini; bila berulang, hubungi pengelola.".to_owned(),
    }
}

fn obstacle_english(obstacle: Obstacle, address: &str) -> String {
    let allow = format!("ask whoever runs this network to allow a direct connection to {address}");
    match obstacle {
        Obstacle::NoNetwork => "this machine is on no network. Plug in the cable or turn on Wi-Fi.".to_owned(),
        Obstacle::Name => "its name is not found. Open a website in a browser: if it does not open, this office's internet is down; if it opens, tell the administrator this name.".to_owned(),
        Obstacle::Refused => format!(
            "the connection is refused. The collector is stopped, or a firewall closes that port: ask the administrator whether it runs; if it does, {allow}."
        ),
        Obstacle::Silent => format!(
            "there is no answer. Open a website in a browser: if it does not open, this office's internet is down; if it opens, a firewall may close that port: {allow}."
        ),
        Obstacle::NotTls => format!(
            "what answers there is no collector, perhaps the office's proxy. The agent uses no proxy: {allow}."
        ),
        Obstacle::BrokenOff => format!(
            "the connection was ended in the middle. The line is bad, or a firewall ends it: if it happens again, {allow}."
        ),
        Obstacle::AnswerLost => {
            "the code was sent and no answer came back. The line may be bad or very slow.".to_owned()
        }
        Obstacle::Other => {
            "check this office's internet connection; if it happens again, tell the administrator.".to_owned()
        }
    }
}
