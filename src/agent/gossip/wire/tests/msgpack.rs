//! The dialect of section 2: what is accepted and what is written.

use super::super::error::WireError;
use super::super::reader::Reader;
use super::super::writer::Writer;
use super::samples::hex;

fn number(digits: &str) -> Result<i64, WireError> {
    Reader::new(&hex(digits)).integer("number")
}

#[test]
fn every_form_of_a_number_is_read() {
    let cases = [
        ("00", 0),
        ("7f", 127),
        ("ff", -1),
        ("e0", -32),
        ("cc ff", 255),
        ("cd 027c", 636),
        ("ce ffffffff", 4_294_967_295),
        ("cf 00000000 00000007", 7),
        ("d0 80", -128),
        ("d1 00c8", 200),
        ("d2 ffffffff", -1),
        ("d3 00000003 7e11d600", 15_000_000_000),
        ("c0", 0),
    ];
    for (digits, value) in cases {
        assert_eq!(number(digits), Ok(value), "{digits}");
    }
}

#[test]
fn numbers_that_do_not_fit_are_errors() {
    let too_large = WireError::OutOfRange("number");
    assert_eq!(number("cf ffffffff ffffffff"), Err(too_large.clone()));
    let port: Result<u16, _> = Reader::new(&hex("ce 00010000")).integer("number");
    assert_eq!(port, Err(too_large.clone()));
    let negative: Result<u32, _> = Reader::new(&hex("ff")).integer("number");
    assert_eq!(negative, Err(too_large));
}

#[test]
fn every_form_of_bytes_is_text_and_bytes() {
    for digits in [
        "a2 6e31",
        "d9 02 6e31",
        "da 0002 6e31",
        "db 00000002 6e31",
        "c4 02 6e31",
        "c5 0002 6e31",
        "c6 00000002 6e31",
    ] {
        assert_eq!(Reader::new(&hex(digits)).raw(), Ok(&b"n1"[..]), "{digits}");
        assert_eq!(Reader::new(&hex(digits)).text(), Ok("n1"), "{digits}");
    }
    assert_eq!(Reader::new(&hex("c0")).text(), Ok(""));
    assert_eq!(Reader::new(&hex("a1 ff")).text(), Err(WireError::NotUtf8));
}

#[test]
fn floats_and_booleans() {
    let float = |digits| Reader::new(&hex(digits)).float();
    assert_eq!(float("cb 3ff8000000000000"), Ok(1.5));
    assert_eq!(float("ca 3fc00000"), Ok(1.5));
    assert_eq!(float("02"), Ok(2.0));
    assert_eq!(float("c0"), Ok(0.0));
    assert!(float("c3").is_err());
    let boolean = |digits| Reader::new(&hex(digits)).boolean();
    assert_eq!(boolean("c3"), Ok(true));
    assert_eq!(boolean("c2"), Ok(false));
    assert_eq!(boolean("c0"), Ok(false));
    assert!(boolean("01").is_err());
}

#[test]
fn every_form_of_a_list_and_a_map_is_read() {
    for digits in ["92 0102", "dc 0002 0102", "dd 00000002 0102"] {
        let mut elements = Vec::new();
        Reader::new(&hex(digits))
            .list("list", 2, |element| {
                elements.push(element.integer::<u8>("number")?);
                Ok(())
            })
            .unwrap();
        assert_eq!(elements, [1, 2], "{digits}");
    }
    for digits in ["81 a161 05", "de 0001 a161 05", "df 00000001 d90161 05"] {
        let mut value = 0;
        Reader::new(&hex(digits))
            .fields(|name, field| {
                assert_eq!(name, b"a");
                value = field.integer("a")?;
                Ok(())
            })
            .unwrap();
        assert_eq!(value, 5, "{digits}");
    }
}

#[test]
fn whatever_is_unknown_is_passed_over() {
    for digits in [
        "c0",
        "c3",
        "05",
        "cb 3ff8000000000000",
        "da 0002 6e31",
        "93 01 92 02 03 81 a1 61 c0",
        "82 a161 91 c2 a162 cf 0000000000000000",
        "d4 05 00",
        "d5 05 0000",
        "d8 05 00000000000000000000000000000000",
        "c7 02 05 0000",
        "c8 0001 05 00",
        "c9 00000001 05 00",
    ] {
        let bytes = [hex(digits), vec![0x2a]].concat();
        let mut reader = Reader::new(&bytes);
        reader.skip().unwrap();
        assert_eq!(reader.integer::<u8>("after"), Ok(42), "{digits}");
    }
}

#[test]
fn too_much_of_the_unknown_is_an_error() {
    let deep = vec![0x91; 100_000];
    assert_eq!(Reader::new(&deep).skip(), Err(WireError::TooDeep));
    let announced = hex("df 02000000");
    assert_eq!(Reader::new(&announced).skip(), Err(WireError::TooDeep));
    let huge = hex("db ffffffff");
    assert!(matches!(
        Reader::new(&huge).skip(),
        Err(WireError::TooLarge { .. })
    ));
    assert!(Reader::new(&[0xc1]).skip().is_err());
}

#[test]
fn early_ends_are_told_from_faults() {
    for digits in [
        "",
        "cd 01",
        "a3 6161",
        "da 00",
        "db 00000100",
        "cb 00",
        "c8 00",
    ] {
        let bytes = hex(digits);
        assert_eq!(
            Reader::new(&bytes).skip(),
            Err(WireError::Truncated),
            "{digits}"
        );
    }
}

#[test]
fn numbers_are_written_as_go_does() {
    let unsigned = [
        (0, "00"),
        (127, "7f"),
        (128, "cc80"),
        (255, "ccff"),
        (256, "cd0100"),
        (65_536, "ce00010000"),
        (1 << 32, "cf0000000100000000"),
    ];
    for (value, digits) in unsigned {
        let mut out = Writer::with_capacity(9);
        out.unsigned(value);
        assert_eq!(out.into_vec(), hex(digits), "{value}");
    }
    let signed = [
        (127, "7f"),
        (128, "d10080"),
        (200, "d100c8"),
        (32_768, "d200008000"),
        (15_000_000_000, "d3000000037e11d600"),
        (-1, "ff"),
        (-32, "e0"),
        (-33, "d0df"),
        (-129, "d1ff7f"),
    ];
    for (value, digits) in signed {
        let mut out = Writer::with_capacity(9);
        out.signed(value);
        assert_eq!(out.into_vec(), hex(digits), "{value}");
    }
}

#[test]
fn lengths_are_written_in_the_raw_dialect() {
    for (length, head) in [
        (0, "a0"),
        (31, "bf"),
        (32, "da0020"),
        (200, "da00c8"),
        (65_535, "daffff"),
        (65_536, "db00010000"),
    ] {
        let mut out = Writer::with_capacity(0);
        out.raw(&vec![0; length]);
        assert!(out.into_vec().starts_with(&hex(head)), "{length}");
    }
    for (count, list, map) in [
        (15, "9f", "8f"),
        (16, "dc0010", "de0010"),
        (65_536, "dd00010000", "df00010000"),
    ] {
        let mut out = Writer::with_capacity(10);
        out.array(count);
        out.map(count);
        assert_eq!(out.into_vec(), [hex(list), hex(map)].concat(), "{count}");
    }
}
