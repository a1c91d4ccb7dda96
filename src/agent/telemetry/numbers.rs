//! Numbers as Go prints them.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// Go's JSON form of a float: plain digits between 1e-6 and 1e21, an exponent outside, whole numbers without
/// a point. `plain` and `scientific` are Rust's two forms of it.
fn json_number(magnitude: f64, plain: String, scientific: String) -> String {
    if magnitude == 0.0 || (1e-6..1e21).contains(&magnitude) {
        return plain;
    }
    // Rust writes 1e21, Go 1e+21; small ones are 1e-7 in both.
    match scientific.split_once('e') {
        Some((digits, exponent)) if !exponent.starts_with('-') => format!("{digits}e+{exponent}"),
        _ => scientific,
    }
}

fn raw<S: Serializer>(text: String, serializer: S) -> Result<S::Ok, S::Error> {
    let raw = RawValue::from_string(text).map_err(serde::ser::Error::custom)?;
    raw.serialize(serializer)
}

/// Serializes a 64-bit float in Go's JSON form; infinities and NaN, which JSON lacks, become 0.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the shape that serde asks for"
)]
pub(in crate::agent::telemetry) fn serialize_f64<S: Serializer>(
    value: &f64,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let value = if value.is_finite() { *value } else { 0.0 };
    raw(
        json_number(value.abs(), format!("{value}"), format!("{value:e}")),
        serializer,
    )
}

/// Like [`serialize_f64`] with the shortest digits of the 32-bit float.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the shape that serde asks for"
)]
pub(in crate::agent::telemetry) fn serialize_f32<S: Serializer>(
    value: &f32,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let value = if value.is_finite() { *value } else { 0.0 };
    raw(
        json_number(
            f64::from(value).abs(),
            format!("{value}"),
            format!("{value:e}"),
        ),
        serializer,
    )
}

/// Go's `%g` with the shortest digits, as Prometheus text has it: with an exponent below 1e-4 and from 1e6 on.
pub(in crate::agent::telemetry) fn prometheus_number(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    if value == 0.0 || (1e-4..1e6).contains(&value.abs()) {
        return format!("{value}");
    }
    let scientific = format!("{value:e}");
    match scientific.split_once("e-") {
        Some((digits, exponent)) => format!("{digits}e-{exponent:0>2}"),
        None => match scientific.split_once('e') {
            Some((digits, exponent)) => format!("{digits}e+{exponent:0>2}"),
            None => scientific,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn f64_text(value: f64) -> String {
        let mut out = serde_json::Serializer::new(Vec::new());
        serialize_f64(&value, &mut out).expect("is written");
        String::from_utf8(out.into_inner()).expect("is text")
    }

    fn f32_text(value: f32) -> String {
        let mut out = serde_json::Serializer::new(Vec::new());
        serialize_f32(&value, &mut out).expect("is written");
        String::from_utf8(out.into_inner()).expect("is text")
    }

    #[test]
    fn json_numbers_are_gos() {
        for (value, text) in [
            (0.0, "0"),
            (5.0, "5"),
            (0.5, "0.5"),
            (0.000_562_999_979_592_859_7, "0.0005629999795928597"),
            (1e-6, "0.000001"),
            (1e-7, "1e-7"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (f64::NAN, "0"),
        ] {
            assert_eq!(f64_text(value), text);
        }
        assert_eq!(f32_text(5_519_608.0), "5519608");
        assert_eq!(f32_text(0.1), "0.1");
        assert_eq!(f32_text(1.5e-9), "1.5e-9");
    }

    #[test]
    fn prometheus_numbers_are_gos() {
        for (value, text) in [
            (0.0, "0"),
            (7.0, "7"),
            (521_277.0, "521277"),
            (6_384_016.0, "6.384016e+06"),
            (74_531_840.0, "7.453184e+07"),
            (1_795_173_370.59, "1.79517337059e+09"),
            (0.698_172_986_507_415_8, "0.6981729865074158"),
            (0.000_1, "0.0001"),
            (0.000_012, "1.2e-05"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(prometheus_number(value), text);
        }
    }
}
