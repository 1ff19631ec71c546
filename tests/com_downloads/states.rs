//! The contract's table of calls and states, by the numbers that a program sees.

use bgcopy_testkit::faulty::{Fault, Resource};

use crate::client::{
    ABORTED, CREATED, Download, FINALIZED, INVALID_STATE, PAUSED, Program, TRANSFERRED,
    TRANSFERRING, program, property,
};

/// A method without arguments.
type Method = fn(&Download) -> u32;

/// A download in this state, whose next request gets no byte that would lead it out of what the test looks at.
fn in_state(program: &Program, state: i32, cell: usize) -> Download {
    let name = format!("{state}-{cell}");
    let resource = Resource::pattern(1, 10_000);
    let resource = match state {
        TRANSFERRED | FINALIZED => resource.from_request(2, Fault::HoldAfter(0)),
        _ => resource.always(Fault::HoldAfter(1_000)),
    };
    let download = program.of(resource, &name);
    if !matches!(state, CREATED | ABORTED) {
        assert_eq!(download.start(), 0);
    }
    match state {
        ABORTED => assert_eq!(download.abort(), 0),
        PAUSED => assert_eq!(download.pause(), 0),
        TRANSFERRING => drop(download.until_it(|status| status.bytes_transferred > 0)),
        TRANSFERRED | FINALIZED => {
            download.until(TRANSFERRED);
            if state == FINALIZED {
                assert_eq!(download.finalize(), 0);
            }
        }
        _ => {}
    }
    assert_eq!(download.status().state, state);
    download
}

#[test]
fn each_call_does_in_each_state_what_the_contract_says() {
    let test = "states::each_call_does_in_each_state_what_the_contract_says";
    program(test, |program| {
        // Start, Pause, Finalize, Abort: the state afterwards, or `None` for a refusal.
        let table = [
            (
                CREATED,
                [Some(TRANSFERRING), Some(CREATED), None, Some(ABORTED)],
            ),
            (
                TRANSFERRING,
                [Some(TRANSFERRING), Some(PAUSED), None, Some(ABORTED)],
            ),
            (
                TRANSFERRED,
                [
                    Some(TRANSFERRING),
                    Some(TRANSFERRED),
                    Some(FINALIZED),
                    Some(ABORTED),
                ],
            ),
            (
                PAUSED,
                [Some(TRANSFERRING), Some(PAUSED), None, Some(ABORTED)],
            ),
            (FINALIZED, [None, None, Some(FINALIZED), None]),
            (ABORTED, [None, None, None, Some(ABORTED)]),
        ];
        for (state, cells) in table {
            for (cell, after) in cells.into_iter().enumerate() {
                let download = in_state(program, state, cell);
                let code = match cell {
                    0 if state == TRANSFERRED => download.start_ranges(&[(5, 10)]),
                    0 => download.start(),
                    1 => download.pause(),
                    2 => download.finalize(),
                    _ => download.abort(),
                };
                let expected = if after.is_some() { 0 } else { INVALID_STATE };
                assert_eq!(code, expected, "call {cell} in {state}: {code:#x}");
                let now = download.status().state;
                assert_eq!(now, after.unwrap_or(state), "call {cell} in {state}");
                let is_visible = program.file(&format!("{state}-{cell}")).exists();
                assert_eq!(is_visible, now == FINALIZED, "call {cell} in {state}");
                if ![FINALIZED, ABORTED].contains(&now) {
                    assert_eq!(download.abort(), 0);
                }
            }
        }
    });
}

#[test]
fn a_start_without_uri_or_place_is_refused_with_the_contracts_numbers() {
    let test = "states::a_start_without_uri_or_place_is_refused_with_the_contracts_numbers";
    program(test, |program| {
        let download = program.create();
        assert_eq!(download.start(), 0x80D0_2200);
        download.set_text(property::URI, "http://127.0.0.1:1/x");
        assert_eq!(download.start(), 0x80D0_2018);
        assert_eq!(download.status().state, CREATED);
    });
}

#[test]
fn ranges_are_written_one_after_the_other_and_bad_ones_refused() {
    let test = "states::ranges_are_written_one_after_the_other_and_bad_ones_refused";
    program(test, |program| {
        let content: Vec<u8> = (0..20_000_u32).map(|n| (n % 251) as u8).collect();
        let download = program.of(Resource::new(content.clone()), "ranges");
        let set = [(500, 100), (19_000, u64::MAX)];
        assert_eq!(download.start_ranges(&set), 0);
        let status = download.until(TRANSFERRED);
        assert_eq!(
            (status.bytes_total, status.bytes_transferred),
            (1_100, 1_100)
        );
        assert_eq!(download.start_ranges(&[(0, 9), (8, 9)]), 0x80D0_5012);
        assert_eq!(download.start_ranges(&[(0, 0)]), 0x80D0_5010);
        assert_eq!(download.start_ranges(&[(7, 1)]), 0);
        download.until(TRANSFERRED);
        assert_eq!(download.finalize(), 0);
        let expected = [&content[500..600], &content[19_000..], &content[7..8]].concat();
        assert_eq!(program.content("ranges"), expected);
        // A list of no ranges is the whole file.
        let whole = program.of(Resource::new(content.clone()), "whole");
        assert_eq!(whole.start_ranges(&[]), 0);
        whole.until(TRANSFERRED);
        assert_eq!(whole.finalize(), 0);
        assert_eq!(program.content("whole"), content);
    });
}

#[test]
fn an_error_of_the_origin_is_in_the_status() {
    let test = "states::an_error_of_the_origin_is_in_the_status";
    program(test, |program| {
        let missing = program.prepared(&program.origin.url("/missing"), "missing");
        assert_eq!(missing.start(), 0);
        let status = missing.until_it(|status| status.error != 0);
        assert_eq!(status.error.cast_unsigned(), 0x8019_0194);
        assert_eq!((status.state, status.extended_error), (PAUSED, 0));
        let busy = Resource::pattern(1, 1_000).always(Fault::status(503));
        let busy = program.of(busy, "busy");
        assert_eq!(busy.start(), 0);
        let status = busy.until(PAUSED);
        assert_eq!(status.extended_error.cast_unsigned(), 0x8019_01F7);
        assert_eq!((status.error, status.bytes_total), (0, u64::MAX));
    });
}

#[test]
fn a_start_in_blocking_mode_returns_when_it_is_done_or_has_failed() {
    let test = "states::a_start_in_blocking_mode_returns_when_it_is_done_or_has_failed";
    program(test, |program| {
        let whole = program.of(Resource::pattern(1, 100_000), "whole");
        let flag = || dosvc::variant::of_flag(true);
        assert_eq!(whole.set(property::BLOCKING_MODE, flag()), 0);
        assert_eq!(whole.start(), 0);
        assert_eq!(whole.finalize(), 0, "every byte is there");
        assert_eq!(program.content("whole").len(), 100_000);

        let missing = program.prepared(&program.origin.url("/missing"), "missing");
        assert_eq!(missing.set(property::BLOCKING_MODE, flag()), 0);
        assert_eq!(missing.start(), 0x8019_0194);

        // Another thread ends the wait.
        let held = Resource::pattern(1, 10_000).always(Fault::HoldAfter(1_000));
        let held = program.of(held, "held");
        assert_eq!(held.set(property::BLOCKING_MODE, flag()), 0);
        let ends = [
            (Download::pause as Method, 0),
            (Download::abort, 0x8000_4004),
        ];
        for (method, code) in ends {
            let other = held.on_another_thread(method);
            assert_eq!(held.start(), code);
            assert_eq!(other.join().unwrap(), 0);
        }
    });
}
