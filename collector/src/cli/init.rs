//! `suar-collector init`: a data directory that is ready to serve.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use suar_machine::output::say;

use crate::config::{EXAMPLE, is_host_and_port};
use crate::region::{Region, RegionTexts, builtin};
use crate::store::admin::Admin;
use crate::store::schema;
use crate::{secrets, tls};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The directory to make
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Code of the built-in region: 19 is Kepulauan Bangka Belitung
    #[arg(long, value_name = "CODE", default_value = "19")]
    region: String,
    /// Directory with the files of another province: province.csv, regencies.csv, districts.csv, villages.csv, islands.csv; optional usual-names.csv and outlines *.geojson. Shaped like those in collector/region/19
    #[arg(long, value_name = "DIR", conflicts_with = "region")]
    region_files: Option<PathBuf>,
    /// host:port of this collector as offices reach it; it goes into join codes
    #[arg(long, value_name = "HOST:PORT")]
    public_address: Option<String>,
    /// Where to write the configuration [default: collector.toml in the data directory]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let shown = arguments.data.display();
    if schema::main_file(&arguments.data).exists() {
        bail!("{shown} is a data directory already; nothing was changed");
    }
    let texts = arguments.region_files.as_deref().map(region_texts).transpose()?;
    check_region(&arguments.region)?;
    let mut names = Vec::new();
    if let Some(address) = &arguments.public_address {
        if !is_host_and_port(address) {
            bail!("--public-address: expected host:port, like suar.example.go.id:8443, found {address:?}");
        }
        names.extend(address.rsplit_once(':').map(|(host, _)| host.trim_matches(['[', ']']).to_owned()));
    }
    tls::private_dir(&arguments.data).with_context(|| format!("{shown} cannot be made"))?;
    let data = std::fs::canonicalize(&arguments.data).with_context(|| format!("{shown} cannot be found"))?;

    // The store last: its file says that everything else is there.
    if !tls::certificate_file(&data).exists() {
        let year = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).year();
        tls::make(&data, names, year)?;
    }
    if !tls::online_key_file(&data).exists() {
        let key: [u8; 32] = secrets::random()?;
        tls::write_private(&tls::online_key_file(&data), data_encoding::HEXLOWER.encode(&key).as_bytes())?;
    }
    let config = arguments.config.clone().unwrap_or_else(|| data.join("collector.toml"));
    if !config.exists() {
        if let Some(directory) = config.parent() {
            std::fs::create_dir_all(directory)
                .with_context(|| format!("{} cannot be made", directory.display()))?;
        }
        let text = configuration(&data.display().to_string(), arguments.public_address.as_deref());
        std::fs::write(&config, text).with_context(|| format!("{} cannot be written", config.display()))?;
    }
    schema::create(&data)?;
    let mut admin = Admin::open(&data)?;
    match &texts {
        Some(texts) => admin.set_region_files(texts)?,
        None => admin.set_region(&arguments.region)?,
    }

    say!("Data directory: {}", data.display());
    say!("Configuration:  {}", config.display());
    say!("Next:           suar-collector serve --config {}", config.display());
    Ok(())
}

/// Files that were read without a mistake.
fn region_texts(dir: &Path) -> anyhow::Result<RegionTexts> {
    let texts = RegionTexts::read(dir)?;
    Region::read(&texts.files())?;
    Ok(texts)
}

fn check_region(code: &str) -> anyhow::Result<()> {
    if builtin(code).is_none() {
        bail!(
            "--region: only 19 is built in, found {code:?}; --region-files takes the files of another province"
        );
    }
    Ok(())
}

/// The example with this directory and address in it; comments stay, they are its documentation.
fn configuration(data: &str, public_address: Option<&str>) -> String {
    let text = |value: &str| toml::Value::String(value.to_owned()).to_string();
    let mut lines = Vec::new();
    for line in EXAMPLE.lines() {
        lines.push(match (line.split_once(" = "), public_address) {
            (Some(("data", _)), _) => format!("data = {}", text(data)),
            (Some(("public_address", _)), Some(address)) => format!("public_address = {}", text(address)),
            _ => line.to_owned(),
        });
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn the_configuration_it_writes_is_the_example_with_its_own_places() {
        let text = configuration("/srv/suar \"x\"", Some("suar.example:443"));
        let config = Config::parse(&text).expect("it has no mistakes");
        assert_eq!(config.data.to_str(), Some("/srv/suar \"x\""));
        assert_eq!(config.listen.public_address, "suar.example:443");
    }

    /// Files of a province in the east that has two villages on one island.
    fn a_province(dir: &Path) {
        let files = [
            ("province.csv", "code,name,population_source\n81,Maluku,Dukcapil 2025\n"),
            (
                "regencies.csv",
                "kemendagri_code,bps_code,name,population\n81.01,8103,Kabupaten Maluku Tengah,400000\n",
            ),
            ("districts.csv", "code,name,regency_code\n81.01.01,Banda,81.01\n"),
            (
                "villages.csv",
                "code,name,kind,district_code,regency_code,island_code,lat,lon\n\
                 81.01.01.2001,Nusantara,desa,81.01.01,81.01,81.01.40001,-4.52,129.90\n\
                 81.01.01.2002,Rajawali,desa,81.01.01,81.01,81.01.40001,-4.53,129.91\n",
            ),
            (
                "islands.csv",
                "code,name,regency_code,lat,lon,populated,area_km2_listed,host_village_code,village_seats_on_island\n\
                 81.01.40001,Pulau Neira,81.01,-4.52,129.90,1,,,2\n\
                 81.01.40002,Pulau Hatta,81.01,-4.57,130.03,1,,,0\n",
            ),
        ];
        for (name, text) in files {
            std::fs::write(dir.join(name), text).expect("written");
        }
    }

    fn init_with(files: &Path, data: &Path) -> anyhow::Result<()> {
        run(&Arguments {
            data: data.to_owned(),
            region: "19".to_owned(),
            region_files: Some(files.to_owned()),
            public_address: None,
            config: None,
        })
    }

    #[test]
    fn another_province_comes_from_files_and_its_offices_keep_its_time() {
        let (files, data) =
            (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("another"));
        a_province(files.path());
        init_with(files.path(), data.path()).expect("made");
        let reader = crate::store::Reader::open(data.path()).expect("a store");
        let region = reader.region().expect("a region");
        assert_eq!((region.code(), region.name()), ("81", "Maluku"));
        assert_eq!(region.population_source(), ["Dukcapil 2025"; 2]);
        let site = crate::registry::fields::site_of_village("banda", "81.01.01.2001", region).expect("known");
        assert_eq!((site.name.as_str(), site.time_zone.label()), ("Kantor Desa Nusantara", "WIT"));
        assert!(matches!(region.place("81.01.40002"), Some(crate::region::Place::Island(_))));
    }

    #[test]
    fn a_mistake_in_a_province_is_told_with_file_and_row_and_nothing_is_made() {
        let cases = [
            (
                "villages.csv",
                "Rajawali,desa,81.01.01,81.01,81.01.40001",
                "Rajawali,desa,81.01.01,81.01,81.01.40009",
                "region file villages, row 3: island_code \"81.01.40009\" is in no island file",
            ),
            (
                "villages.csv",
                "81.01.01.2002,Rajawali,desa,81.01.01,81.01,81.01.40001",
                "81.01.01.2001,Nusantara,desa,81.01.01,81.01,81.01.40002",
                "region file villages, row 3: village 81.01.01.2001 is on island 81.01.40002 here and on 81.01.40001 in \
                 row 2; it has one seat",
            ),
            ("regencies.csv", "81.01,", "82.01,", "row 2: kemendagri_code 82.01 is not in province 81"),
            ("province.csv", "81,Maluku,Dukcapil 2025\n", "", "one row under the header, found 0"),
        ];
        for (file, right, wrong, told) in cases {
            let (files, data) =
                (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("another"));
            a_province(files.path());
            let path = files.path().join(file);
            let text = std::fs::read_to_string(&path).expect("there");
            assert!(text.contains(right), "{file}");
            std::fs::write(&path, text.replace(right, wrong)).expect("written");
            let error = init_with(files.path(), data.path()).expect_err(told).to_string();
            assert!(error.contains(told), "{error}");
            assert!(!schema::main_file(data.path()).exists());
        }
        let (none, data) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("another"));
        let error = init_with(none.path(), data.path()).expect_err("no files").to_string();
        assert!(error.contains("region file province") && error.contains("is not there"), "{error}");
    }
}
