//! Currencies: the active list of ISO 4217.
//!
//! Source: ISO 4217 List One as published by SIX, the maintenance agency, on 2026-01-01 (amendments up to 180): national currencies,
//! funds codes, precious metals and the codes for testing (`XTS`) and for no currency (`XXX`). Withdrawn codes are unknown here,
//! among them HRK (2023), SLL (2024), ANG and CUC (2025) and BGN (2026).

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An active currency of ISO 4217, one byte wide.
///
/// Every code is an associated constant, `Currency::EUR`, fit for const tables and for `match`. Order is alphabetical by code.
/// In JSON a currency is its three-letter code in capitals.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency(u8);

/// A text that is no active ISO 4217 code; withdrawn codes and codes in small letters count as unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownCurrency {
    /// Empty when the text was not shaped like a code: such a text may be anything, so it is not repeated.
    code: String,
}

struct Row {
    code: &'static str,
    numeric: u16,
    minor_unit: u8,
    name: &'static str,
}

/// What the list prints as `N.A.`: the currency has no minor unit.
const NA: u8 = u8::MAX;

impl Currency {
    /// The currency of a three-letter code in capitals.
    pub fn from_code(code: &str) -> Option<Self> {
        ROWS.binary_search_by(|row| row.code.cmp(code)).ok().and_then(|index| ALL.get(index)).copied()
    }

    /// The currency of an ISO 4217 numeric code: 978 is the euro.
    pub fn from_numeric(numeric: u16) -> Option<Self> {
        Self::all().iter().find(|currency| currency.numeric() == numeric).copied()
    }

    /// The three-letter code in capitals.
    pub const fn code(self) -> &'static str {
        self.row().code
    }

    /// The numeric code, 8 to 999; on the wire it is written with three digits (`{:03}`).
    pub const fn numeric(self) -> u16 {
        self.row().numeric
    }

    /// How many decimals the minor unit has: 2 for most, 0, 3 or 4 for some; 0 where the list says `N.A.`
    /// (see [`has_minor_unit`](Self::has_minor_unit)).
    pub const fn exponent(self) -> u8 {
        if self.has_minor_unit() { self.row().minor_unit } else { 0 }
    }

    /// Whether the list states a minor unit at all; it does not for gold (`XAU`), special drawing rights (`XDR`) and the like.
    pub const fn has_minor_unit(self) -> bool {
        self.row().minor_unit != NA
    }

    /// The English name in the list.
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// Every active currency, sorted by code.
    pub const fn all() -> &'static [Self] {
        ALL
    }

    const fn row(self) -> &'static Row {
        &ROWS[self.0 as usize]
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(text: &str) -> Result<Self, UnknownCurrency> {
        Self::from_code(text).ok_or_else(|| {
            let code_like = text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
            UnknownCurrency { code: if code_like { text.to_owned() } else { String::new() } }
        })
    }
}

impl fmt::Display for UnknownCurrency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown currency")?;
        if !self.code.is_empty() {
            write!(f, " \"{}\"", self.code)?;
        }
        f.write_str(", expected an active ISO 4217 code in capitals such as \"EUR\"")
    }
}

impl std::error::Error for UnknownCurrency {}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Currency;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an ISO 4217 currency code")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Currency, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Visitor)
    }
}

impl JsonSchema for Currency {
    fn schema_name() -> Cow<'static, str> {
        "Currency".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[A-Z]{3}$" })
    }
}

/// One line a currency: code, numeric code, decimals of the minor unit, name. From it come the constants and both tables.
macro_rules! currencies {
    ($($code:ident $numeric:literal $minor_unit:tt $name:literal;)+) => {
        #[repr(u8)]
        #[allow(clippy::upper_case_acronyms, reason = "named like the codes")]
        enum Index { $($code),+ }

        impl Currency {
            $(
                #[doc = concat!($name, ".")]
                pub const $code: Self = Self(Index::$code as u8);
            )+
        }

        const ALL: &[Currency] = &[$(Currency::$code),+];

        const ROWS: &[Row] = &[$(
            Row { code: stringify!($code), numeric: $numeric, minor_unit: $minor_unit, name: $name }
        ),+];
    };
}

currencies! {
    AED 784  2 "UAE Dirham";
    AFN 971  2 "Afghani";
    ALL   8  2 "Lek";
    AMD  51  2 "Armenian Dram";
    AOA 973  2 "Kwanza";
    ARS  32  2 "Argentine Peso";
    AUD  36  2 "Australian Dollar";
    AWG 533  2 "Aruban Florin";
    AZN 944  2 "Azerbaijan Manat";
    BAM 977  2 "Convertible Mark";
    BBD  52  2 "Barbados Dollar";
    BDT  50  2 "Taka";
    BHD  48  3 "Bahraini Dinar";
    BIF 108  0 "Burundi Franc";
    BMD  60  2 "Bermudian Dollar";
    BND  96  2 "Brunei Dollar";
    BOB  68  2 "Boliviano";
    BOV 984  2 "Mvdol";
    BRL 986  2 "Brazilian Real";
    BSD  44  2 "Bahamian Dollar";
    BTN  64  2 "Ngultrum";
    BWP  72  2 "Pula";
    BYN 933  2 "Belarusian Ruble";
    BZD  84  2 "Belize Dollar";
    CAD 124  2 "Canadian Dollar";
    CDF 976  2 "Congolese Franc";
    CHE 947  2 "WIR Euro";
    CHF 756  2 "Swiss Franc";
    CHW 948  2 "WIR Franc";
    CLF 990  4 "Unidad de Fomento";
    CLP 152  0 "Chilean Peso";
    CNY 156  2 "Yuan Renminbi";
    COP 170  2 "Colombian Peso";
    COU 970  2 "Unidad de Valor Real";
    CRC 188  2 "Costa Rican Colon";
    CUP 192  2 "Cuban Peso";
    CVE 132  2 "Cabo Verde Escudo";
    CZK 203  2 "Czech Koruna";
    DJF 262  0 "Djibouti Franc";
    DKK 208  2 "Danish Krone";
    DOP 214  2 "Dominican Peso";
    DZD  12  2 "Algerian Dinar";
    EGP 818  2 "Egyptian Pound";
    ERN 232  2 "Nakfa";
    ETB 230  2 "Ethiopian Birr";
    EUR 978  2 "Euro";
    FJD 242  2 "Fiji Dollar";
    FKP 238  2 "Falkland Islands Pound";
    GBP 826  2 "Pound Sterling";
    GEL 981  2 "Lari";
    GHS 936  2 "Ghana Cedi";
    GIP 292  2 "Gibraltar Pound";
    GMD 270  2 "Dalasi";
    GNF 324  0 "Guinean Franc";
    GTQ 320  2 "Quetzal";
    GYD 328  2 "Guyana Dollar";
    HKD 344  2 "Hong Kong Dollar";
    HNL 340  2 "Lempira";
    HTG 332  2 "Gourde";
    HUF 348  2 "Forint";
    IDR 360  2 "Rupiah";
    ILS 376  2 "New Israeli Sheqel";
    INR 356  2 "Indian Rupee";
    IQD 368  3 "Iraqi Dinar";
    IRR 364  2 "Iranian Rial";
    ISK 352  0 "Iceland Krona";
    JMD 388  2 "Jamaican Dollar";
    JOD 400  3 "Jordanian Dinar";
    JPY 392  0 "Yen";
    KES 404  2 "Kenyan Shilling";
    KGS 417  2 "Som";
    KHR 116  2 "Riel";
    KMF 174  0 "Comorian Franc";
    KPW 408  2 "North Korean Won";
    KRW 410  0 "Won";
    KWD 414  3 "Kuwaiti Dinar";
    KYD 136  2 "Cayman Islands Dollar";
    KZT 398  2 "Tenge";
    LAK 418  2 "Lao Kip";
    LBP 422  2 "Lebanese Pound";
    LKR 144  2 "Sri Lanka Rupee";
    LRD 430  2 "Liberian Dollar";
    LSL 426  2 "Loti";
    LYD 434  3 "Libyan Dinar";
    MAD 504  2 "Moroccan Dirham";
    MDL 498  2 "Moldovan Leu";
    MGA 969  2 "Malagasy Ariary";
    MKD 807  2 "Denar";
    MMK 104  2 "Kyat";
    MNT 496  2 "Tugrik";
    MOP 446  2 "Pataca";
    MRU 929  2 "Ouguiya";
    MUR 480  2 "Mauritius Rupee";
    MVR 462  2 "Rufiyaa";
    MWK 454  2 "Malawi Kwacha";
    MXN 484  2 "Mexican Peso";
    MXV 979  2 "Mexican Unidad de Inversion (UDI)";
    MYR 458  2 "Malaysian Ringgit";
    MZN 943  2 "Mozambique Metical";
    NAD 516  2 "Namibia Dollar";
    NGN 566  2 "Naira";
    NIO 558  2 "Cordoba Oro";
    NOK 578  2 "Norwegian Krone";
    NPR 524  2 "Nepalese Rupee";
    NZD 554  2 "New Zealand Dollar";
    OMR 512  3 "Rial Omani";
    PAB 590  2 "Balboa";
    PEN 604  2 "Sol";
    PGK 598  2 "Kina";
    PHP 608  2 "Philippine Peso";
    PKR 586  2 "Pakistan Rupee";
    PLN 985  2 "Zloty";
    PYG 600  0 "Guarani";
    QAR 634  2 "Qatari Rial";
    RON 946  2 "Romanian Leu";
    RSD 941  2 "Serbian Dinar";
    RUB 643  2 "Russian Ruble";
    RWF 646  0 "Rwanda Franc";
    SAR 682  2 "Saudi Riyal";
    SBD  90  2 "Solomon Islands Dollar";
    SCR 690  2 "Seychelles Rupee";
    SDG 938  2 "Sudanese Pound";
    SEK 752  2 "Swedish Krona";
    SGD 702  2 "Singapore Dollar";
    SHP 654  2 "Saint Helena Pound";
    SLE 925  2 "Leone";
    SOS 706  2 "Somali Shilling";
    SRD 968  2 "Surinam Dollar";
    SSP 728  2 "South Sudanese Pound";
    STN 930  2 "Dobra";
    SVC 222  2 "El Salvador Colon";
    SYP 760  2 "Syrian Pound";
    SZL 748  2 "Lilangeni";
    THB 764  2 "Baht";
    TJS 972  2 "Somoni";
    TMT 934  2 "Turkmenistan New Manat";
    TND 788  3 "Tunisian Dinar";
    TOP 776  2 "Pa'anga";
    TRY 949  2 "Turkish Lira";
    TTD 780  2 "Trinidad and Tobago Dollar";
    TWD 901  2 "New Taiwan Dollar";
    TZS 834  2 "Tanzanian Shilling";
    UAH 980  2 "Hryvnia";
    UGX 800  0 "Uganda Shilling";
    USD 840  2 "US Dollar";
    USN 997  2 "US Dollar (Next day)";
    UYI 940  0 "Uruguay Peso en Unidades Indexadas (UI)";
    UYU 858  2 "Peso Uruguayo";
    UYW 927  4 "Unidad Previsional";
    UZS 860  2 "Uzbekistan Sum";
    VED 926  2 "Bolívar Soberano";
    VES 928  2 "Bolívar Soberano";
    VND 704  0 "Dong";
    VUV 548  0 "Vatu";
    WST 882  2 "Tala";
    XAD 396  2 "Arab Accounting Dinar";
    XAF 950  0 "CFA Franc BEAC";
    XAG 961 NA "Silver";
    XAU 959 NA "Gold";
    XBA 955 NA "Bond Markets Unit European Composite Unit (EURCO)";
    XBB 956 NA "Bond Markets Unit European Monetary Unit (E.M.U.-6)";
    XBC 957 NA "Bond Markets Unit European Unit of Account 9 (E.U.A.-9)";
    XBD 958 NA "Bond Markets Unit European Unit of Account 17 (E.U.A.-17)";
    XCD 951  2 "East Caribbean Dollar";
    XCG 532  2 "Caribbean Guilder";
    XDR 960 NA "SDR (Special Drawing Right)";
    XOF 952  0 "CFA Franc BCEAO";
    XPD 964 NA "Palladium";
    XPF 953  0 "CFP Franc";
    XPT 962 NA "Platinum";
    XSU 994 NA "Sucre";
    XTS 963 NA "Reserved for testing";
    XUA 965 NA "ADB Unit of Account";
    XXX 999 NA "No currency";
    YER 886  2 "Yemeni Rial";
    ZAR 710  2 "Rand";
    ZMW 967  2 "Zambian Kwacha";
    ZWG 924  2 "Zimbabwe Gold";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_codes_are_unique() {
        assert!(ROWS.is_sorted_by(|left, right| left.code < right.code));
        let numerics: std::collections::BTreeSet<_> =
            Currency::all().iter().map(|currency| currency.numeric()).collect();
        assert_eq!(numerics.len(), Currency::all().len());
    }

    #[test]
    fn every_currency_is_found_by_each_of_its_names() {
        for &currency in Currency::all() {
            assert_eq!(Currency::from_code(currency.code()), Some(currency));
            assert_eq!(Currency::from_numeric(currency.numeric()), Some(currency));
            assert_eq!(currency.to_string().parse(), Ok(currency));
            assert!(currency.code().len() == 3 && currency.code().bytes().all(|byte| byte.is_ascii_uppercase()));
        }
    }

    /// The currencies whose exponent is not 2, stated a second time, against slips in the table.
    #[test]
    fn exponents_other_than_two() {
        let of = |exponent| {
            let with =
                Currency::all().iter().filter(|currency| currency.has_minor_unit() && currency.exponent() == exponent);
            with.map(|currency| currency.code()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(of(0), "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF");
        assert_eq!(of(3), "BHD IQD JOD KWD LYD OMR TND");
        assert_eq!(of(4), "CLF UYW");
        let without: Vec<_> = Currency::all()
            .iter()
            .filter(|currency| !currency.has_minor_unit())
            .map(|currency| currency.code())
            .collect();
        assert_eq!(without.join(" "), "XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XTS XUA XXX");
        assert_eq!(Currency::XAU.exponent(), 0);
    }

    #[test]
    fn the_list_of_2026() {
        assert_eq!(Currency::all().len(), 178);
        for code in ["XCG", "SLE", "ZWG", "VED", "VES", "XAD", "MRU", "STN", "UYW"] {
            assert!(Currency::from_code(code).is_some(), "{code}");
        }
        for code in ["BGN", "ANG", "HRK", "SLL", "ZWL", "CUC", "VEF", "MRO", "STD", "BYR", "LTL"] {
            assert!(Currency::from_code(code).is_none(), "{code}");
        }
    }

    #[test]
    fn unknown_text_is_named_only_if_it_looks_like_a_code() {
        let message = |text: &str| text.parse::<Currency>().map_err(|unknown| unknown.to_string());
        let expected = ", expected an active ISO 4217 code in capitals such as \"EUR\"";
        assert_eq!(message("eur"), Err(format!("unknown currency \"eur\"{expected}")));
        assert_eq!(message("4242424242424242"), Err(format!("unknown currency{expected}")));
        assert_eq!(message(""), Err(format!("unknown currency{expected}")));
    }

    #[test]
    fn json_is_the_code_and_constants_can_be_matched() {
        const TAKEN: &[Currency] = &[Currency::EUR, Currency::JPY];
        assert_eq!(serde_json::to_string(TAKEN).unwrap(), r#"["EUR","JPY"]"#);
        assert_eq!(serde_json::from_str::<Vec<Currency>>(r#"["EUR","JPY"]"#).unwrap(), TAKEN);
        assert!(serde_json::from_str::<Currency>("978").is_err());
        assert!(matches!(TAKEN, [Currency::EUR, Currency::JPY]));
    }
}
