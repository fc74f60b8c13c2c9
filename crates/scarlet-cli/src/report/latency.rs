//! What `scarlet latency-table` prints.

use std::fmt::Write;

use scarlet_train::latency::{LatencyTable, Spread};

use super::number::percent;
use super::table::{Column, table};

/// The times in microseconds, layers below each other, and how well the table predicts.
pub(crate) fn table_text(measured: &LatencyTable) -> String {
    let threads = match measured.threads {
        1 => "1 thread".to_owned(),
        threads => format!("{threads} threads"),
    };
    let mut text = format!(
        "{}×{}, batch {}, on {} with {threads}{}; microseconds, median of {} rounds ± spread\n\n",
        measured.resolution,
        measured.resolution,
        measured.batch,
        measured.device,
        match measured.deploy.is_float32() {
            true => String::new(),
            false => format!(", in {}", measured.deploy),
        },
        measured.rounds
    );
    let columns = [
        Column::Left("part"),
        Column::Left("choice"),
        Column::Right("time"),
        Column::Right("±"),
    ];
    let row = |part: &str, choice: &str, time: &Spread| {
        let microseconds = |ms: f64| format!("{:.1}", ms * 1e3);
        vec![
            part.to_owned(),
            choice.to_owned(),
            microseconds(time.ms),
            microseconds(time.spread_ms),
        ]
    };
    let fixed = measured.fixed.iter();
    let fixed = fixed.map(|part| row(&part.part, "", &part.time));
    let overhead = [row("call", "", &measured.overhead)];
    let layers = measured.layers.iter().enumerate();
    let layers = layers.flat_map(|(layer, entries)| {
        let name = format!("layer {}", layer + 1);
        let rows = entries.iter();
        rows.map(move |entry| row(&name, &entry.choice, &entry.time))
    });
    text.push_str(&table(&columns, fixed.chain(overhead).chain(layers)));
    if let Some(check) = &measured.check {
        let (fastest, slowest) = check.range_ms;
        let tau = match check.kendall_tau {
            Some(tau) => format!("{tau:.2}"),
            None => "undefined".to_owned(),
        };
        let _ = write!(
            text,
            "\n\n{} random networks of {fastest:.3} to {slowest:.3} ms, measured whole: the table is \
             off by {} on average, Kendall's tau {tau}",
            check.networks,
            percent(check.mean_error)
        );
    }
    text
}
