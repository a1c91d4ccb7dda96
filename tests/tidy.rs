//! The law of the house, as tests: arrows between rooms, purity of pure rooms, doors without logic, sizes,
//! libraries that stay in their room, notes with a number. Each rule is a function over sources that also
//! has to find the fault in a bad example.

#[path = "tidy/arrows.rs"]
mod arrows;
#[path = "tidy/doors.rs"]
mod doors;
#[path = "tidy/generated.rs"]
mod generated;
#[path = "tidy/libraries.rs"]
mod libraries;
#[path = "tidy/notes.rs"]
mod notes;
#[path = "tidy/purity.rs"]
mod purity;
#[path = "tidy/rooms.rs"]
mod rooms;
#[path = "tidy/sizes.rs"]
mod sizes;
#[path = "tidy/source.rs"]
mod source;

use std::path::Path;

use source::Source;

/// Fails with all faults at once.
fn hold(rule: &str, faults: &[String]) {
    assert!(faults.is_empty(), "{rule}:\n  {}\n", faults.join("\n  "));
}

#[test]
fn every_file_has_a_room() {
    hold(
        "a file is in no room of tests/tidy/rooms.rs",
        &rooms::homeless(&Source::all("src")),
    );
}

#[test]
fn arrows_point_downwards() {
    hold(
        "an import points upwards or sideways (tests/tidy/rooms.rs)",
        &arrows::faults(&Source::all("src")),
    );
}

#[test]
fn pure_rooms_are_pure() {
    hold(
        "a pure room does what only driver rooms may",
        &purity::faults(&Source::all("src")),
    );
}

#[test]
fn doors_have_a_purpose_and_no_logic() {
    hold(
        "a mod.rs is more or less than a door",
        &doors::faults(&Source::all("src")),
    );
}

#[test]
fn files_are_short() {
    hold(
        "a file is too long",
        &sizes::faults(&Source::all("src"), sizes::LONG_FILES),
    );
}

#[test]
fn libraries_stay_in_their_rooms() {
    hold(
        "a library is used outside its room",
        &libraries::faults(&Source::all("src")),
    );
}

#[test]
fn notes_have_a_number() {
    let mut sources = Source::all("src");
    sources.extend(Source::all("tests"));
    hold(
        "a note needs the number of its issue, as in TODO(#12)",
        &notes::faults(&sources),
    );
}

/// `BLESS=1 cargo test --test tidy` writes them anew.
#[test]
fn generated_files_are_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = consulctl::cli::generated::files();
    assert!(!files.is_empty(), "nothing is generated");
    if std::env::var_os("BLESS").is_some() {
        generated::bless(root, &files);
    }
    hold(
        "run BLESS=1 cargo test --test tidy",
        &generated::faults(root, &files),
    );
}
