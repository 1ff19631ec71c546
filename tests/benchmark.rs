//! What `cargo xtask bench` says of its figures is what they are, and its document has a place for each row.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    dead_code,
    reason = "parts of the benchmark are compiled here, to be looked at in a folder of the test's own"
)]

#[path = "../bench/whole/aims.rs"]
mod aims;
#[path = "../bench/measure/mod.rs"]
mod measure;
#[path = "../bench/whole/options.rs"]
mod options;
#[path = "../bench/whole/report.rs"]
mod report;

use std::{fs, path::Path};

use aims::Aim;
use options::{Options, Row};
use report::{Line, Section};

const DOCUMENT: &str = "A sentence.\n\n<!-- bench plain: begin -->\n\nold\n\n<!-- bench plain: end -->\n\nAnother.\n<!-- bench many: begin -->\nmany\n<!-- bench many: end -->\n";

fn options(words: &[&str]) -> anyhow::Result<Options> {
    Options::parse(words.iter().map(|word| (*word).to_owned()))
}

fn section(values: &[f64], aim: Aim) -> Section {
    let mut section = Section::new(Row::Plain, "What it was.");
    section.push(Line::new("bgcopy by curl", "", values.iter().copied()).aim(aim));
    section
}

#[test]
fn an_aim_is_met_or_missed_by_what_was_measured() {
    assert_eq!(Aim::AtMost(0.5).verdict(0.5), "met");
    assert_eq!(Aim::AtMost(0.5).verdict(0.75), "missed by 50.0 %");
    assert_eq!(Aim::AtLeast(8.0).verdict(9.0), "met");
    assert_eq!(Aim::AtLeast(8.0).verdict(6.0), "missed by 25.0 %");
    assert_eq!(Aim::AtMost(0.5).verdict(f64::NAN), "missed by NaN %");
}

#[test]
fn the_verdict_is_about_the_median_and_the_json_has_every_value() {
    let told = section(&[0.9, 0.4, 0.1], Aim::AtMost(0.5)).json();
    assert_eq!(told["lines"][0]["median"], 0.4);
    assert_eq!(told["lines"][0]["met"], true);
    assert_eq!(told["lines"][0]["values"].as_array().unwrap().len(), 3);
    let told = section(&[0.9, 0.6, 0.1], Aim::AtMost(0.5)).json();
    assert_eq!(told["lines"][0]["met"], false);
    // Of two values, neither is the median.
    let told = section(&[1.0, 0.5], Aim::AtLeast(0.9)).json();
    assert_eq!(told["lines"][0]["median"], 0.75);
    assert_eq!(told["lines"][0]["met"], false);
}

#[test]
fn a_row_replaces_its_own_part_of_the_document_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let document = folder.path().join("document.md");
    fs::write(&document, DOCUMENT).unwrap();
    let write = |values| {
        let section = section(values, Aim::AtMost(0.5));
        section.write_into(&document).unwrap();
        fs::read_to_string(&document).unwrap()
    };
    let new = write(&[0.6]);
    let (before, rest) = new.split_once("<!-- bench plain: begin -->").unwrap();
    let (part, after) = rest.split_once("<!-- bench plain: end -->").unwrap();
    assert_eq!(before, "A sentence.\n\n");
    assert!(
        part.contains("| bgcopy by curl | 0.60 | | ≤ 0.5 | missed by 20.0 % |"),
        "{part}"
    );
    assert!(after.ends_with(DOCUMENT.split_once("plain: end -->").unwrap().1));
    assert!(!new.contains("old"));
    // Written again, it takes the place of itself.
    assert_eq!(write(&[0.6]), new);

    fs::write(&document, "no marks").unwrap();
    let error = section(&[0.6], Aim::AtMost(0.5)).write_into(&document);
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("bench plain: begin")
    );
}

#[test]
fn every_row_can_be_asked_for_and_has_its_place_in_the_document() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let document = fs::read_to_string(root.join("docs/benchmarks.md")).unwrap();
    let command = fs::read_to_string(root.join("xtask/src/bench.rs")).unwrap();
    let rows = options(&["--folder", "x"]).unwrap().rows;
    let names = rows.iter().map(|row| row.name());
    for name in names.clone().chain(["machine"]) {
        for edge in ["begin", "end"] {
            let mark = format!("<!-- bench {name}: {edge} -->");
            assert_eq!(document.matches(&mark).count(), 1, "{mark}");
        }
    }
    for name in names {
        assert!(command.contains(&format!("{name:?}")), "{name}");
        assert_eq!(name.parse::<Row>().unwrap().name(), name);
    }
}

#[test]
fn a_command_line_that_is_not_understood_is_refused() {
    for wrong in [
        &["--folder", "x", "pain"][..],
        &["--folder", "x", "--quik"],
        &["--folder", "x", "--pairs", "0"],
        &["--folder", "x", "--pairs"],
        &["--quick"],
    ] {
        assert!(options(wrong).is_err(), "{wrong:?}");
    }
    let options = options(&["many", "--folder", "x", "plain", "--quick", "--bench"]).unwrap();
    assert_eq!(
        (options.rows, options.pairs),
        (vec![Row::Many, Row::Plain], 3)
    );
}
