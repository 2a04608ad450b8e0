//! How the regions of the world write a telephone number at home.

use std::str::FromStr;

/// A region with one numbering plan, by its ISO 3166-1 code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region(&'static Plan);

#[derive(Debug, PartialEq, Eq)]
struct Plan {
    region: &'static str,
    /// Without the plus.
    country_code: &'static str,
    /// What is dialled before another country's number.
    international_prefix: &'static str,
    /// What is dialled before a number of another town, and is no part of it abroad. Empty: nothing is.
    trunk_prefix: &'static str,
}

/// No numbering plan is known under this code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no telephone numbering plan is known for the region {region:?}: give an ISO 3166-1 code such as \"DE\"")]
pub struct UnknownRegion {
    /// The code as it was given.
    pub region: Box<str>,
}

impl Region {
    /// Its ISO 3166-1 code.
    pub fn code(self) -> &'static str {
        self.0.region
    }

    /// The digits of a number as dialled in this region, as they are after the plus.
    pub(super) fn international(self, dialled: &str) -> String {
        let plan = self.0;
        if let Some(abroad) = dialled.strip_prefix(plan.international_prefix) {
            return abroad.to_owned();
        }
        let national = match plan.trunk_prefix {
            "" => dialled,
            trunk => dialled.strip_prefix(trunk).unwrap_or(dialled),
        };
        format!("{}{national}", plan.country_code)
    }

    /// How a number of this region, given as its digits after the plus, is written at home: without the country code,
    /// then as it is dialled between towns. Nothing for a number of another country.
    pub(super) fn national(self, international: &str) -> Vec<String> {
        let Some(national) = international.strip_prefix(self.0.country_code) else { return Vec::new() };
        vec![national.to_owned(), format!("{}{national}", self.0.trunk_prefix)]
    }
}

impl FromStr for Region {
    type Err = UnknownRegion;

    fn from_str(code: &str) -> Result<Self, Self::Err> {
        let known = PLANS.iter().find(|plan| plan.region.eq_ignore_ascii_case(code));
        known.map(Self).ok_or_else(|| UnknownRegion { region: code.into() })
    }
}

const fn plan(
    region: &'static str,
    country_code: &'static str,
    international_prefix: &'static str,
    trunk_prefix: &'static str,
) -> Plan {
    Plan { region, country_code, international_prefix, trunk_prefix }
}

/// ITU-T, "Dialling procedures" (Operational Bulletin 994): regions whose plan is regular enough for four words.
static PLANS: [Plan; 46] = [
    plan("AE", "971", "00", "0"),
    plan("AR", "54", "00", "0"),
    plan("AT", "43", "00", "0"),
    plan("AU", "61", "0011", "0"),
    plan("BE", "32", "00", "0"),
    plan("BG", "359", "00", "0"),
    plan("CA", "1", "011", "1"),
    plan("CH", "41", "00", "0"),
    plan("CN", "86", "00", "0"),
    plan("CZ", "420", "00", ""),
    plan("DE", "49", "00", "0"),
    plan("DK", "45", "00", ""),
    plan("EE", "372", "00", ""),
    plan("EG", "20", "00", "0"),
    plan("ES", "34", "00", ""),
    plan("FI", "358", "00", "0"),
    plan("FR", "33", "00", "0"),
    plan("GB", "44", "00", "0"),
    plan("GR", "30", "00", ""),
    plan("HK", "852", "001", ""),
    plan("HR", "385", "00", "0"),
    plan("HU", "36", "00", "06"),
    plan("IE", "353", "00", "0"),
    plan("IL", "972", "00", "0"),
    plan("IN", "91", "00", "0"),
    plan("IT", "39", "00", ""),
    plan("JP", "81", "010", "0"),
    plan("KR", "82", "00", "0"),
    plan("LU", "352", "00", ""),
    plan("MX", "52", "00", ""),
    plan("MY", "60", "00", "0"),
    plan("NL", "31", "00", "0"),
    plan("NO", "47", "00", ""),
    plan("NZ", "64", "00", "0"),
    plan("PL", "48", "00", ""),
    plan("PT", "351", "00", ""),
    plan("RO", "40", "00", "0"),
    plan("SE", "46", "00", "0"),
    plan("SG", "65", "000", ""),
    plan("SI", "386", "00", "0"),
    plan("SK", "421", "00", "0"),
    plan("TH", "66", "00", "0"),
    plan("TR", "90", "00", "0"),
    plan("TW", "886", "002", "0"),
    plan("US", "1", "011", "1"),
    plan("ZA", "27", "00", "0"),
];
