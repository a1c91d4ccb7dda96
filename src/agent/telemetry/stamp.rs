//! The two time forms of log lines. The last second is remembered, for lines come in bursts.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Writes times in one time zone: `2026-01-02T15:04:05.000Z` in text lines (`+0100` instead of `Z` where
/// the zone is not at zero), `2026-01-02T15:04:05.000000Z` (`+01:00`) in JSON lines.
#[derive(Debug)]
pub(super) struct Stamper {
    zone: TimeZone,
    second: i64,
    date: String,
    text_offset: String,
    json_offset: String,
    out: String,
}

impl Stamper {
    /// A stamper for the given zone.
    pub(super) fn new(zone: TimeZone) -> Self {
        Self {
            zone,
            second: i64::MIN,
            date: String::new(),
            text_offset: String::new(),
            json_offset: String::new(),
            out: String::new(),
        }
    }

    /// The time of a text line, in milliseconds.
    pub(super) fn text(&mut self, time: Timestamp) -> &str {
        let nanosecond = self.refresh(time);
        self.out.clear();
        // Writing to a String cannot fail, here and below.
        let _ = write!(
            self.out,
            "{}.{:03}{}",
            self.date,
            nanosecond / 1_000_000,
            self.text_offset
        );
        &self.out
    }

    /// The time of a JSON line, in microseconds.
    pub(super) fn json(&mut self, time: Timestamp) -> &str {
        let nanosecond = self.refresh(time);
        self.out.clear();
        let _ = write!(
            self.out,
            "{}.{:06}{}",
            self.date,
            nanosecond / 1_000,
            self.json_offset
        );
        &self.out
    }

    /// Makes date and offsets those of `time`, and gives its nanoseconds within the second.
    fn refresh(&mut self, time: Timestamp) -> u32 {
        // Before 1970 the fraction is negative: the floor is the second that the line shows.
        let second = time.as_nanosecond().div_euclid(1_000_000_000);
        let second = i64::try_from(second).unwrap_or(i64::MAX);
        if second != self.second || self.date.is_empty() {
            self.second = second;
            let zoned = time.to_zoned(self.zone.clone());
            self.date.clear();
            let _ = write!(self.date, "{}", zoned.strftime("%Y-%m-%dT%H:%M:%S"));
            let minutes = zoned.offset().seconds() / 60;
            self.text_offset.clear();
            self.json_offset.clear();
            if minutes == 0 {
                self.text_offset.push('Z');
                self.json_offset.push('Z');
            } else {
                let sign = if minutes < 0 { '-' } else { '+' };
                let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
                let _ = write!(self.text_offset, "{sign}{hours:02}{rest:02}");
                let _ = write!(self.json_offset, "{sign}{hours:02}:{rest:02}");
            }
        }
        u32::try_from(time.as_nanosecond().rem_euclid(1_000_000_000)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::Offset;

    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().expect("is a time")
    }

    #[test]
    fn utc_ends_with_z() {
        let mut stamper = Stamper::new(TimeZone::UTC);
        let at = time("2026-01-02T15:04:05.0099999Z");
        assert_eq!(stamper.text(at), "2026-01-02T15:04:05.009Z");
        assert_eq!(stamper.json(at), "2026-01-02T15:04:05.009999Z");
    }

    #[test]
    fn another_zone_shows_its_offset() {
        let minutes = |minutes| TimeZone::fixed(Offset::from_seconds(minutes * 60).expect("fits"));
        let at = time("2026-11-20T11:19:29.479Z");
        let mut stamper = Stamper::new(minutes(-210));
        assert_eq!(stamper.text(at), "2026-11-20T07:49:29.479-0330");
        let mut stamper = Stamper::new(minutes(330));
        assert_eq!(stamper.json(at), "2026-11-20T16:49:29.479000+05:30");
    }

    #[test]
    fn the_remembered_second_is_replaced() {
        let mut stamper = Stamper::new(TimeZone::UTC);
        stamper.text(time("2026-01-02T15:04:05Z"));
        assert_eq!(
            stamper.text(time("2026-01-02T15:04:05.5Z")),
            "2026-01-02T15:04:05.500Z"
        );
        assert_eq!(
            stamper.text(time("2026-01-02T15:04:06Z")),
            "2026-01-02T15:04:06.000Z"
        );
        assert_eq!(
            stamper.text(time("1969-12-31T23:59:59.25Z")),
            "1969-12-31T23:59:59.250Z"
        );
    }
}
