//! What a download costs as a whole, service and command together, beside the tools that people use by hand.
//!
//! `cargo xtask bench`. Owns the order: the machine's facts, then row by row; each is printed, and written to the
//! document, as soon as it is measured. Aims are compared, never asserted: a row that misses one is no failure, a wrong
//! byte is.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a benchmark looks at files behind the service's back"
)]

mod aims;
mod cost;
mod interrupt;
mod lab;
mod machine;
#[path = "../measure/mod.rs"]
mod measure;
mod nginx;
mod options;
mod report;
mod rows;
mod runs;
mod service;
mod tools;

use std::{env, fs, process::ExitCode};

use anyhow::Context as _;
use serde_json::json;

use lab::Lab;
use machine::Machine;
use options::Options;

fn main() -> ExitCode {
    match Options::parse(env::args().skip(1)).and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the benchmark ends: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> anyhow::Result<()> {
    let lab = Lab::open(&options.folder, options.quick)
        .with_context(|| format!("cannot use {}", options.folder.display()))?;
    interrupt::take_over()?;
    rows::prepare(&options.rows, &lab, options.pairs)?;
    let machine = Machine::look(&lab);
    machine.print();
    let document = options.document.as_deref().filter(|_| !options.quick);
    if let Some(document) = document {
        report::write_part(document, "machine", &machine.markdown())?;
    }
    let mut measured = Vec::new();
    for row in &options.rows {
        eprintln!("\n{row} …");
        let section = rows::measure(*row, &lab, options).with_context(|| format!("row {row}"))?;
        section.print();
        if let Some(document) = document {
            section.write_into(document)?;
        }
        measured.push(section.json());
        if let Some(file) = &options.json {
            let all = json!({
                "machine": machine.json(),
                "quick": options.quick,
                "pairs": options.pairs,
                "rows": measured,
            });
            fs::write(file, format!("{all:#}\n"))
                .with_context(|| format!("cannot write {}", file.display()))?;
        }
    }
    lab.clear()?;
    if options.quick {
        eprintln!(
            "\nThese figures are of a quick run and mean nothing; the document is as it was."
        );
    }
    Ok(())
}
