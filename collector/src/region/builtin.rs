//! The regions that ship inside the binary.

use std::sync::LazyLock;

use super::Region;
use super::read::RegionFiles;

/// Province 19. Where the data come from, and their licence: `collector/region/19/README.md`.
const BABEL: RegionFiles<'static> = RegionFiles {
    code: "19",
    name: "Kepulauan Bangka Belitung",
    population_source: ["Dukcapil, semester II 2024", "Dukcapil, second half of 2024"],
    regencies: include_str!("../../region/19/babel-regencies.csv"),
    districts: include_str!("../../region/19/babel-districts.csv"),
    villages: include_str!("../../region/19/babel-villages.csv"),
    islands: include_str!("../../region/19/babel-islands.csv"),
    usual_names: include_str!("../../region/19/island-village-seats.csv"),
    island_outlines: include_str!("../../region/19/babel-islands.geojson"),
    regency_outlines: include_str!("../../region/19/babel-regencies.geojson"),
    district_outlines: include_str!("../../region/19/babel-districts.geojson"),
    village_outlines: include_str!("../../region/19/babel-villages.geojson"),
};

static BABEL_READ: LazyLock<Region> =
    LazyLock::new(|| Region::read(&BABEL).expect("the built-in region is read by a test"));

/// A built-in region by its code; parsed at the first use.
pub fn builtin(code: &str) -> Option<&'static Region> {
    (code == BABEL.code).then(|| &*BABEL_READ)
}

#[cfg(test)]
mod tests {
    use super::super::{Outlines, Place};
    use super::*;

    #[test]
    fn province_19_is_read_without_a_mistake() {
        let region = Region::read(&BABEL).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(region.regencies().len(), 7);
        assert_eq!(region.districts().len(), 47);
        assert_eq!(region.villages().len(), 393);
        assert_eq!(region.islands().len(), 501);
        assert_eq!(region.islands().iter().filter(|island| island.populated).count(), 43);
    }

    #[test]
    fn every_village_leads_to_its_district_regency_island_and_point() {
        let region = builtin("19").expect("built in");
        for village in region.villages() {
            let district = region.district(&village.district_code).expect("a district");
            assert_eq!(district.regency_code, village.regency_code);
            assert!(region.regency(&village.regency_code).is_some());
            assert!(region.island(&village.island_code).expect("an island").populated);
            assert!(region.contains(village.point));
        }
    }

    #[test]
    fn usual_names_stand_beside_official_ones_and_bps_codes_beside_ours() {
        let region = builtin("19").expect("built in");
        let mendanau = region.island("19.02.40114").expect("known");
        assert_eq!(mendanau.usual_names, ["Mendanau", "Selat Nasik"]);
        assert_eq!(region.regency("19.03").expect("known").bps_code, "1905");
        assert!(region.village("19.02.03.2002").expect("known").office_name().ends_with("Desa Petaling"));
    }

    #[test]
    fn a_code_names_one_place_of_whatever_kind() {
        let region = builtin("19").expect("built in");
        assert!(matches!(region.place("19"), Some(Place::Province(_))));
        assert!(matches!(region.place("19.02"), Some(Place::Regency(_))));
        let district = region.place("19.02.03").expect("known");
        assert!(district.holds("19.02.03.2001", "19.02.40114"));
        assert!(!district.holds("19.02.02.2009", "19.02.40141"));
        assert!(region.place("19.02.40114").expect("known").holds("19.02.03.2001", "19.02.40114"));
        assert_eq!(region.place("20"), None);
    }

    #[test]
    fn a_mistake_in_a_replaced_file_is_told_with_file_and_row() {
        let villages = BABEL.villages.replacen("19.01.01,Sungailiat,19.01", "19.01.99,Sungailiat,19.01", 2);
        let error = Region::read(&RegionFiles { villages: &villages, ..BABEL }).expect_err("a mistake");
        assert!(error.to_string().contains("region file villages, row 2: "), "{error}");
        let islands = BABEL.islands.replacen(",1,", ",yes,", 1);
        let error = Region::read(&RegionFiles { islands: &islands, ..BABEL }).expect_err("a mistake");
        assert!(error.to_string().contains("islands, row 2: populated: 0 or 1, found \"yes\""), "{error}");
    }

    #[test]
    fn a_village_on_two_islands_is_told_with_both_rows() {
        let first = BABEL.villages.lines().nth(1).expect("a village");
        let again = |row: &str| {
            let villages = format!("{}{row}\n", BABEL.villages);
            Region::read(&RegionFiles { villages: &villages, ..BABEL }).expect_err("a mistake").to_string()
        };
        assert_eq!(
            again(&first.replace("19.00.40001,Pulau Bangka", "19.02.40114,Pulau Mendanau")),
            "region file villages, row 395: village 19.01.01.1001 is on island 19.02.40114 here and on 19.00.40001 \
             in row 2; it has one seat"
        );
        assert_eq!(again(first), "region file villages, row 395: code 19.01.01.1001 stands in row 2 already");
    }

    #[test]
    fn outlines_are_maps_whose_codes_are_known() {
        let region = builtin("19").expect("built in");
        let cases = [
            (Outlines::Islands, 151, 133),
            (Outlines::Regencies, 7, 7),
            (Outlines::Districts, 47, 47),
            (Outlines::Villages, 391, 391),
        ];
        for (which, count, with_code) in cases {
            let map: serde_json::Value = serde_json::from_str(region.outlines(which)).expect("JSON");
            let features = map["features"].as_array().expect("features");
            assert_eq!(features.len(), count);
            let codes: Vec<&str> =
                features.iter().filter_map(|feature| feature["properties"]["code"].as_str()).collect();
            assert_eq!(codes.len(), with_code);
            assert!(codes.iter().all(|code| region.place(code).is_some()));
        }
    }
}
