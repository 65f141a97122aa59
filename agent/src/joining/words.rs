//! Why joining failed, for the person who typed the code: what is wrong, and what to do about it.

use suar_wire::joining::JoinRefusal;

use super::JoinFailure;
use crate::language::Language;

impl JoinFailure {
    /// What to tell the person who typed the code: what is wrong and what to do.
    pub fn message(&self, language: Language) -> String {
        match language {
            Language::Id => self.indonesian(),
            Language::En => self.english(),
        }
    }

    fn indonesian(&self) -> String {
        match self {
            Self::AlreadyJoined { site } => format!(
                "Komputer ini sudah terdaftar untuk lokasi {site}. Tidak ada yang perlu dilakukan. Untuk mendaftar ulang dengan kode baru, ulangi dengan --force."
            ),
            Self::Unreachable { address, .. } => format!(
                "Server pemantau di {address} tidak dapat dihubungi. Periksa sambungan internet kantor ini, lalu coba lagi; kode masih berlaku."
            ),
            Self::WrongCertificate { address } => format!(
                "Yang menjawab di {address} bukan server pemantau yang membuat kode ini. Mungkin jaringan ini meminta login dulu (portal), atau server sudah diganti. Masuk ke portal lalu coba lagi, atau minta kode baru."
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
            Self::Busy => "Server sedang sibuk. Tunggu satu menit, lalu coba lagi; kode masih berlaku.".to_owned(),
            Self::Answer { address, what } => format!(
                "Jawaban dari {address} tidak dapat dimengerti ({what}). Mungkin versi program ini tidak cocok dengan server; hubungi pengelola."
            ),
            Self::Files(error) => format!(
                "Berkas tidak dapat dibaca atau ditulis: {error}. Jalankan sebagai administrator (sudo), lalu coba lagi."
            ),
        }
    }

    fn english(&self) -> String {
        match self {
            Self::AlreadyJoined { site } => format!(
                "This machine has joined already, for site {site}. There is nothing to do. To join again with a new code, repeat with --force."
            ),
            Self::Unreachable { address, .. } => format!(
                "The collector at {address} cannot be reached. Check this office's internet connection and try again; the code is still good."
            ),
            Self::WrongCertificate { address } => format!(
                "What answers at {address} is not the collector that made this code. Perhaps this network asks for a login first (portal), or the collector was replaced. Log in to the portal and try again, or ask for a new code."
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
            Self::Busy => "The collector is busy. Wait a minute and try again; the code is still good.".to_owned(),
            Self::Answer { address, what } => format!(
                "The answer from {address} cannot be understood ({what}). Perhaps this program's version does not fit the collector's; ask the administrator."
            ),
            Self::Files(error) => format!(
                "A file cannot be read or written: {error}. Run this as administrator (sudo) and try again."
            ),
        }
    }
}
