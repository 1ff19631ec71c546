//! Sending a planned answer, with its stops, its pace and its end.
//!
//! Owns when and how bytes leave. What they say was decided by `plan`.

use std::io;

use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::time::Instant;

use super::conn::Conn;
use super::fault::Cut;
use super::gate::{Gate, Ticket, slice, time_for};
use super::plan::{Framing, Pace, Plan, Segment};
use super::record::{Ended, Record};

/// The largest write of a body, in bytes.
const WRITE: u64 = 64 * 1024;

/// Sends an answer and returns the connection if it stays open.
pub(super) async fn send(
    mut conn: Conn,
    plan: Plan,
    (record, entry): (&Record, usize),
    (gate, ticket): (&Gate, Ticket),
) -> Option<Conn> {
    record.update(entry, |seen| seen.status = plan.status);
    tokio::time::sleep(plan.delay).await;
    let sent = match send_head(&mut conn, &plan).await {
        Ok(None) => {
            let progress = |n| {
                let now = std::time::Instant::now();
                record.update(entry, |seen| {
                    seen.bytes_sent += n;
                    seen.last_byte_at = Some(now);
                });
            };
            send_body(&mut conn, &plan, gate, ticket, progress).await
        }
        cut => cut,
    };
    let (ended, cut) = match sent {
        Ok(None) => (Ended::Complete, plan.close),
        Ok(Some(cut)) => (Ended::Cut, Some(cut)),
        Err(_) => {
            record.update(entry, |seen| seen.ended = Some(Ended::ClientLeft));
            return None;
        }
    };
    record.update(entry, |seen| seen.ended = Some(ended));
    match cut {
        None => Some(conn),
        Some(cut) => {
            // The client may be gone by now; the connection has ended either way.
            let _ = conn.end(cut).await;
            None
        }
    }
}

/// Sends interim answers, status line and header; returns how to cut, if a fault says so.
async fn send_head(conn: &mut Conn, plan: &Plan) -> io::Result<Option<Cut>> {
    conn.write_all(&plan.interim).await?;
    let cut = plan.stops.cut_head.filter(|(at, _)| *at <= plan.head.len());
    let stall = plan.stops.stall_head.filter(|at| *at <= plan.head.len());
    let end = cut
        .map_or(plan.head.len(), |(at, _)| at)
        .min(stall.unwrap_or(usize::MAX));
    conn.write_all(&plan.head[..end]).await?;
    conn.flush().await?;
    if stall == Some(end) {
        return stalled(conn).await;
    }
    Ok(cut.map(|(_, how)| how))
}

async fn send_body(
    conn: &mut Conn,
    plan: &Plan,
    gate: &Gate,
    ticket: Ticket,
    progress: impl Fn(u64),
) -> io::Result<Option<Cut>> {
    let total: u64 = plan.body.iter().map(|segment| segment.len).sum();
    let mut sent = 0;
    let mut released = false;
    let mut next_drop = Instant::now();
    let mut buf = Vec::new();
    loop {
        // A stop at a byte that the body has not got does not happen.
        if let Some((at, cut)) = plan.stops.cut
            && at == sent
        {
            conn.flush().await?;
            return Ok(Some(cut));
        }
        if plan.stops.stall == Some(sent) {
            conn.flush().await?;
            return stalled(conn).await;
        }
        if plan.stops.hold == Some(sent) && !released {
            conn.flush().await?;
            unless_gone(conn, gate.released_since(ticket)).await?;
            released = true;
        }
        if sent < total && gate.closed_at().is_some_and(|at| sent >= at) {
            conn.flush().await?;
            unless_gone(conn, gate.open_for(sent)).await?;
        }
        if sent == total {
            break;
        }
        let spoilt = matches!(plan.framing, Framing::Chunked(Some(at)) if at == sent);
        let n = next_write(plan, gate, sent, total);
        fill(&mut buf, &plan.body, sent, n);
        gate.take(n).await;
        tokio::time::sleep_until(next_drop).await;
        write(conn, &buf, plan.framing, spoilt).await?;
        sent += n;
        progress(n);
        match plan.pace {
            Some(Pace::Drip(_, pause)) => next_drop = Instant::now() + pause,
            // Kept as a schedule, so that a late wake-up is made good.
            Some(Pace::Rate(rate)) => next_drop += time_for(n, rate),
            None => {}
        }
    }
    if let Framing::Chunked(_) = plan.framing {
        conn.write_all(b"0\r\n\r\n").await?;
    }
    conn.flush().await?;
    Ok(None)
}

/// How many bytes the next write has: up to the next stop, and as the pace allows.
fn next_write(plan: &Plan, gate: &Gate, sent: u64, total: u64) -> u64 {
    let bad_chunk = match plan.framing {
        Framing::Chunked(at) => at,
        Framing::Plain => None,
    };
    let stops = [
        Some(total),
        plan.stops.cut.map(|(at, _)| at),
        plan.stops.stall,
        plan.stops.hold,
        bad_chunk,
        gate.closed_at(),
    ];
    let stop = stops
        .into_iter()
        .flatten()
        .filter(|stop| *stop > sent)
        .min()
        .unwrap_or(total);
    let pace = match plan.pace {
        Some(Pace::Drip(bytes, _)) => bytes,
        Some(Pace::Rate(rate)) => slice(rate),
        None => WRITE,
    };
    (stop - sent)
        .min(pace)
        .min(gate.largest_write().unwrap_or(WRITE))
        .min(WRITE)
}

/// The `n` bytes of the body from `from` on. A source that ends too early is continued with zeros, so that the
/// length holds.
fn fill(buf: &mut Vec<u8>, body: &[Segment], from: u64, n: u64) {
    buf.clear();
    buf.resize(usize::try_from(n).unwrap_or(0), 0);
    let mut start = 0;
    let mut filled = 0;
    for segment in body {
        let end = start + segment.len;
        let at = from + filled as u64;
        if at < end && filled < buf.len() {
            let take = usize::try_from(end - at)
                .unwrap_or(usize::MAX)
                .min(buf.len() - filled);
            segment
                .source
                .read_at(segment.offset + at - start, &mut buf[filled..filled + take]);
            filled += take;
        }
        start = end;
    }
}

async fn write<S: AsyncWrite + Unpin>(
    conn: &mut S,
    bytes: &[u8],
    framing: Framing,
    spoilt: bool,
) -> io::Result<()> {
    match framing {
        Framing::Plain => conn.write_all(bytes).await,
        Framing::Chunked(_) => {
            let size = if spoilt {
                "many".to_owned()
            } else {
                format!("{:x}", bytes.len())
            };
            let chunk = [size.as_bytes(), b"\r\n", bytes, b"\r\n"].concat();
            conn.write_all(&chunk).await
        }
    }?;
    conn.flush().await
}

/// Says nothing more until the client gives up.
async fn stalled(conn: &mut Conn) -> io::Result<Option<Cut>> {
    conn.gone().await;
    Err(io::ErrorKind::ConnectionAborted.into())
}

/// Waits for `condition`, and fails when the client leaves before it.
async fn unless_gone(conn: &mut Conn, condition: impl Future<Output = ()>) -> io::Result<()> {
    tokio::select! {
        () = condition => Ok(()),
        () = conn.gone() => Err(io::ErrorKind::ConnectionAborted.into()),
    }
}
