//! Countries and the regions that reports group them by: ISO 3166-1 alpha-2 codes under the regions of the United Nations' M49 standard
//! (<https://unstats.un.org/unsd/methodology/m49/>), Antarctica aside.

/// Each region with its countries, both sorted.
pub const REGIONS: &[(&str, &str)] = &[
    (
        "Africa",
        "AO BF BI BJ BW CD CF CG CI CM CV DJ DZ EG EH ER ET GA GH GM GN GQ GW IO KE KM LR LS LY MA MG ML MR MU MW MZ NA NE NG RE RW SC \
         SD SH SL SN SO SS ST SZ TD TF TG TN TZ UG YT ZA ZM ZW",
    ),
    (
        "Asia",
        "AE AF AM AZ BD BH BN BT CN CY GE HK ID IL IN IQ IR JO JP KG KH KP KR KW KZ LA LB LK MM MN MO MV MY NP OM PH PK PS QA SA SG SY \
         TH TJ TL TM TR TW UZ VN YE",
    ),
    (
        "Europe",
        "AD AL AT AX BA BE BG BY CH CZ DE DK EE ES FI FO FR GB GG GI GR HR HU IE IM IS IT JE LI LT LU LV MC MD ME MK MT NL NO PL PT RO \
         RS RU SE SI SJ SK SM UA VA",
    ),
    (
        "Latin America and the Caribbean",
        "AG AI AR AW BB BL BO BQ BR BS BV BZ CL CO CR CU CW DM DO EC FK GD GF GP GS GT GY HN HT JM KN KY LC MF MQ MS MX NI PA PE PR PY \
         SR SV SX TC TT UY VC VE VG VI",
    ),
    ("Northern America", "BM CA GL PM US"),
    ("Oceania", "AS AU CC CK CX FJ FM GU HM KI MH MP NC NF NR NU NZ PF PG PN PW SB TK TO TV UM VU WF WS"),
];

/// The region of a country by its code in capitals; none for a code that ISO 3166-1 does not have.
pub fn region(country: &str) -> Option<&'static str> {
    let has = |countries: &str| countries.split(' ').any(|code| code == country);
    REGIONS.iter().find(|(_, countries)| has(countries)).map(|(region, _)| *region)
}

/// Every country code, region by region.
pub fn countries() -> impl Iterator<Item = &'static str> {
    REGIONS.iter().flat_map(|(_, countries)| countries.split(' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_country_stands_once() {
        let mut all: Vec<&str> = countries().collect();
        assert!(
            all.iter().all(|code| code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase())),
            "{all:?}"
        );
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!((all.len(), count), (248, 248), "ISO 3166-1 has 249 codes, one of them Antarctica's");
        assert_eq!(
            (region("NL"), region("BR"), region("ZZ")),
            (Some("Europe"), Some("Latin America and the Caribbean"), None)
        );
    }
}
