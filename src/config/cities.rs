//! Suggestions for a wrong name of a time zone.
//!
//! A zone that is hours off is worse than none: abbreviations, which several places share, are
//! answered with places to choose from, old names by the database's own list of links, and a guess
//! is made only for a name that looks misspelt.

use super::names::closest_name;

/// Abbreviations, and the places that use them.
const ABBREVIATIONS: &[(&str, &str)] = &[
    ("acst", "`Australia/Darwin` or `Australia/Adelaide`"),
    ("acdt", "`Australia/Adelaide`"),
    ("adt", "`America/Halifax`"),
    ("aedt", "`Australia/Sydney` or `Australia/Melbourne`"),
    ("aest", "`Australia/Sydney` or `Australia/Brisbane`"),
    ("akst", "`America/Anchorage`"),
    ("akdt", "`America/Anchorage`"),
    ("ast", "`America/Halifax` or `America/Puerto_Rico`, or in Arabia `Asia/Riyadh`"),
    ("awst", "`Australia/Perth`"),
    ("brt", "`America/Sao_Paulo`"),
    ("bst", "`Europe/London`, or in Bangladesh `Asia/Dhaka`"),
    ("cat", "`Africa/Harare` or `Africa/Maputo`"),
    ("cdt", "`America/Chicago`, or in Cuba `America/Havana`"),
    ("cest", "`Europe/Berlin`, `Europe/Paris` or another city of yours"),
    ("cst", "`America/Chicago`, in China `Asia/Shanghai`, or in Cuba `America/Havana`"),
    ("eat", "`Africa/Nairobi`"),
    ("edt", "`America/New_York` or `America/Toronto`"),
    ("eest", "`Europe/Athens`, `Europe/Helsinki` or `Europe/Kyiv`"),
    ("gst", "`Asia/Dubai`"),
    ("hkt", "`Asia/Hong_Kong`"),
    ("hst", "`Pacific/Honolulu`"),
    ("ict", "`Asia/Bangkok`"),
    ("idt", "`Asia/Jerusalem`"),
    ("ist", "`Asia/Kolkata`, in Ireland `Europe/Dublin`, or in Israel `Asia/Jerusalem`"),
    ("jst", "`Asia/Tokyo`"),
    ("kst", "`Asia/Seoul`"),
    ("mdt", "`America/Denver`"),
    ("msk", "`Europe/Moscow`"),
    ("nst", "`America/St_Johns`"),
    ("ndt", "`America/St_Johns`"),
    ("nzdt", "`Pacific/Auckland`"),
    ("nzst", "`Pacific/Auckland`"),
    ("pdt", "`America/Los_Angeles`"),
    ("pht", "`Asia/Manila`"),
    ("pkt", "`Asia/Karachi`"),
    ("pst", "`America/Los_Angeles`, or in the Philippines `Asia/Manila`"),
    ("sast", "`Africa/Johannesburg`"),
    ("sgt", "`Asia/Singapore`"),
    ("sst", "`Pacific/Pago_Pago`, or in Singapore `Asia/Singapore`"),
    ("trt", "`Europe/Istanbul`"),
    ("uzt", "`Asia/Tashkent`"),
    ("wat", "`Africa/Lagos`"),
    ("west", "`Europe/Lisbon`"),
    ("wib", "`Asia/Jakarta`"),
    ("wit", "`Asia/Jayapura`"),
    ("wita", "`Asia/Makassar`"),
];

/// Old names, and the present ones (tzdb, `backward`).
const LINKS: &[(&str, &str)] = &[
    ("America/Buenos_Aires", "America/Argentina/Buenos_Aires"),
    ("America/Catamarca", "America/Argentina/Catamarca"),
    ("America/Cordoba", "America/Argentina/Cordoba"),
    ("America/Fort_Wayne", "America/Indiana/Indianapolis"),
    ("America/Godthab", "America/Nuuk"),
    ("America/Indianapolis", "America/Indiana/Indianapolis"),
    ("America/Jujuy", "America/Argentina/Jujuy"),
    ("America/Knox_IN", "America/Indiana/Knox"),
    ("America/Louisville", "America/Kentucky/Louisville"),
    ("America/Mendoza", "America/Argentina/Mendoza"),
    ("America/Porto_Acre", "America/Rio_Branco"),
    ("America/Rosario", "America/Argentina/Cordoba"),
    ("America/Virgin", "America/St_Thomas"),
    ("Asia/Ashkhabad", "Asia/Ashgabat"),
    ("Asia/Calcutta", "Asia/Kolkata"),
    ("Asia/Chungking", "Asia/Chongqing"),
    ("Asia/Dacca", "Asia/Dhaka"),
    ("Asia/Katmandu", "Asia/Kathmandu"),
    ("Asia/Macao", "Asia/Macau"),
    ("Asia/Rangoon", "Asia/Yangon"),
    ("Asia/Saigon", "Asia/Ho_Chi_Minh"),
    ("Asia/Thimbu", "Asia/Thimphu"),
    ("Asia/Ujung_Pandang", "Asia/Makassar"),
    ("Asia/Ulan_Bator", "Asia/Ulaanbaatar"),
    ("Atlantic/Faeroe", "Atlantic/Faroe"),
    ("Australia/ACT", "Australia/Sydney"),
    ("Australia/Canberra", "Australia/Sydney"),
    ("Australia/NSW", "Australia/Sydney"),
    ("Australia/North", "Australia/Darwin"),
    ("Australia/Queensland", "Australia/Brisbane"),
    ("Australia/South", "Australia/Adelaide"),
    ("Australia/Tasmania", "Australia/Hobart"),
    ("Australia/Victoria", "Australia/Melbourne"),
    ("Australia/West", "Australia/Perth"),
    ("Brazil/Acre", "America/Rio_Branco"),
    ("Brazil/DeNoronha", "America/Noronha"),
    ("Brazil/East", "America/Sao_Paulo"),
    ("Brazil/West", "America/Manaus"),
    ("Canada/Atlantic", "America/Halifax"),
    ("Canada/Central", "America/Winnipeg"),
    ("Canada/Eastern", "America/Toronto"),
    ("Canada/Mountain", "America/Edmonton"),
    ("Canada/Newfoundland", "America/St_Johns"),
    ("Canada/Pacific", "America/Vancouver"),
    ("Canada/Saskatchewan", "America/Regina"),
    ("Canada/Yukon", "America/Whitehorse"),
    ("Chile/Continental", "America/Santiago"),
    ("Chile/EasterIsland", "Pacific/Easter"),
    ("Cuba", "America/Havana"),
    ("Egypt", "Africa/Cairo"),
    ("Eire", "Europe/Dublin"),
    ("Europe/Kiev", "Europe/Kyiv"),
    ("Europe/Nicosia", "Asia/Nicosia"),
    ("Europe/Uzhgorod", "Europe/Kyiv"),
    ("Europe/Zaporozhye", "Europe/Kyiv"),
    ("GB", "Europe/London"),
    ("GB-Eire", "Europe/London"),
    ("Greenwich", "UTC"),
    ("Hongkong", "Asia/Hong_Kong"),
    ("Iceland", "Atlantic/Reykjavik"),
    ("Iran", "Asia/Tehran"),
    ("Israel", "Asia/Jerusalem"),
    ("Jamaica", "America/Jamaica"),
    ("Japan", "Asia/Tokyo"),
    ("Libya", "Africa/Tripoli"),
    ("Mexico/BajaNorte", "America/Tijuana"),
    ("Mexico/BajaSur", "America/Mazatlan"),
    ("Mexico/General", "America/Mexico_City"),
    ("NZ", "Pacific/Auckland"),
    ("Navajo", "America/Denver"),
    ("PRC", "Asia/Shanghai"),
    ("Pacific/Ponape", "Pacific/Pohnpei"),
    ("Pacific/Samoa", "Pacific/Pago_Pago"),
    ("Pacific/Truk", "Pacific/Chuuk"),
    ("Pacific/Yap", "Pacific/Chuuk"),
    ("Poland", "Europe/Warsaw"),
    ("Portugal", "Europe/Lisbon"),
    ("ROC", "Asia/Taipei"),
    ("ROK", "Asia/Seoul"),
    ("Singapore", "Asia/Singapore"),
    ("Turkey", "Europe/Istanbul"),
    ("UCT", "UTC"),
    ("US/Alaska", "America/Anchorage"),
    ("US/Aleutian", "America/Adak"),
    ("US/Arizona", "America/Phoenix"),
    ("US/Central", "America/Chicago"),
    ("US/East-Indiana", "America/Indiana/Indianapolis"),
    ("US/Eastern", "America/New_York"),
    ("US/Hawaii", "Pacific/Honolulu"),
    ("US/Indiana-Starke", "America/Indiana/Knox"),
    ("US/Michigan", "America/Detroit"),
    ("US/Mountain", "America/Denver"),
    ("US/Pacific", "America/Los_Angeles"),
    ("US/Samoa", "Pacific/Pago_Pago"),
    ("W-SU", "Europe/Moscow"),
];

/// A suggestion for a name that is not a zone's.
pub(crate) fn hint(name: &str) -> String {
    let known: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
    hint_among(name.trim(), &known)
}

fn hint_among(name: &str, known: &[String]) -> String {
    const EXAMPLE: &str = "write an IANA name, such as `Europe/Berlin` or `UTC`";
    let upper = name.to_ascii_uppercase();
    if matches!(&*upper, "LOCAL" | "SYSTEM" | "LOCALTIME" | "DEFAULT" | "AUTO" | "HOST") {
        return "leave `timezone` out: the machine's zone is the default".to_owned();
    }
    if matches!(&*upper, "Z" | "ZULU" | "UNIVERSAL") {
        return "write `UTC`".to_owned();
    }
    if let Some(offset) =
        upper.strip_prefix("UTC").or_else(|| upper.strip_prefix("GMT")).or(Some(&*upper))
        && offset.starts_with(['+', '-'])
    {
        return "write the name of a place, such as `Europe/Berlin`, which knows about summer \
                time too"
            .to_owned();
    }
    if known.is_empty() {
        return "this machine has no zone database: install the package `tzdata`".to_owned();
    }
    let is_known = |zone: &str| zone == "UTC" || known.iter().any(|known| known == zone);
    if let Some((_, now)) = LINKS.iter().find(|(old, _)| old.eq_ignore_ascii_case(name))
        && is_known(now)
    {
        return format!("it is called `{now}` now");
    }
    let bare = name.to_ascii_lowercase();
    if let Some((_, places)) = ABBREVIATIONS.iter().find(|(short, _)| *short == bare) {
        return format!("abbreviations are not unique: write a place, for example {places}");
    }
    let city = name.replace([' ', '-'], "_");
    let by_city = known.iter().find(|zone| {
        zone.contains('/') && zone.rsplit('/').next().is_some_and(|c| c.eq_ignore_ascii_case(&city))
    });
    if let Some(zone) = by_city {
        return format!("did you mean `{zone}`?");
    }
    // Shorter words are near to many zones that are hours away.
    const GUESSED_FROM: usize = 6;
    let places = known.iter().filter(|zone| zone.contains('/'));
    let guess = (name.len() >= GUESSED_FROM).then(|| closest_name(name, places)).flatten();
    match guess {
        Some(near) => format!("did you mean `{near}`?"),
        None => EXAMPLE.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_name_their_zone_and_abbreviations_their_places() {
        let known: Vec<String> = [
            "Asia/Kolkata",
            "EST",
            "NZ",
            "Europe/Kyiv",
            "Europe/Kirov",
            "Pacific/Apia",
            "Pacific/Pago_Pago",
            "Europe/Berlin",
            "America/New_York",
        ]
        .map(str::to_owned)
        .to_vec();
        let said = |name: &str| hint_among(name, &known);
        assert_eq!(said("Europe/Kiev"), "it is called `Europe/Kyiv` now");
        assert_eq!(said("Pacific/Samoa"), "it is called `Pacific/Pago_Pago` now");
        assert_eq!(said("Z"), "write `UTC`");
        assert_eq!(said("+01:00"), said("UTC+1"));
        assert!(said("local").contains("leave `timezone` out"));
        assert!(said("IST").contains("`Asia/Kolkata`") && said("IST").contains("`Europe/Dublin`"));
        assert!(said("edt").contains("`America/New_York`"));
        assert_eq!(said("Europe/Berln"), "did you mean `Europe/Berlin`?");
        assert_eq!(said("new york"), "did you mean `America/New_York`?");
        assert_eq!(said("XST"), "write an IANA name, such as `Europe/Berlin` or `UTC`");
        assert!(hint_among("Europe/Berlin", &[]).contains("tzdata"));
    }

    #[test]
    fn every_place_that_is_named_is_a_zone() {
        for (short, places) in ABBREVIATIONS {
            for place in places.split('`').skip(1).step_by(2) {
                assert!(jiff::tz::TimeZone::get(place).is_ok(), "{short}: {place}");
            }
        }
        for (old, now) in LINKS {
            assert!(jiff::tz::TimeZone::get(now).is_ok(), "{old}: {now}");
        }
        assert!(hint("CEST").contains("`Europe/Berlin`"));
    }
}
