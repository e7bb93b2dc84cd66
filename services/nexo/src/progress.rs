//! Progress: a bar on a terminal, otherwise a line every two seconds.

use std::{
    io::IsTerminal as _,
    sync::Mutex,
    time::{Duration, Instant},
};

use ::backup::{ProgressListener, Stage};
use indicatif::{ProgressBar, ProgressStyle};

use crate::output;

const BYTES: &str = "  {msg:<20} {wide_bar} {bytes:>10} of {total_bytes} {bytes_per_sec:>12} {eta:>5} left";
const COUNT: &str = "  {msg:<20} {wide_bar} {pos:>6} of {len}";
const SPIN: &str = "  {msg:<20} {spinner} {elapsed}";
/// Interval of progress lines without a terminal.
const EVERY: Duration = Duration::from_secs(2);

/// Listener that shows the progress of each stage.
pub(crate) fn bars() -> ProgressListener {
    if std::io::stderr().is_terminal() { on_terminal() } else { in_lines() }
}

fn on_terminal() -> ProgressListener {
    let shown: Mutex<Option<(Stage, ProgressBar)>> = Mutex::default();
    ProgressListener::new(move |stage, done, total| {
        let Ok(mut shown) = shown.lock() else { return };
        if shown.as_ref().is_none_or(|(was, _)| *was != stage) {
            if let Some((_, bar)) = shown.take() {
                bar.finish_and_clear();
            }
            *shown = Some((stage, bar(stage, total)));
        }
        let Some((_, bar)) = shown.as_ref() else { return };
        if total > 0 && done >= total && stage != Stage::Dump {
            bar.finish_and_clear();
        } else {
            bar.set_position(done);
        }
    })
}

/// The first line is printed after two seconds, so that short operations print none.
fn in_lines() -> ProgressListener {
    let last = Mutex::new(Instant::now());
    ProgressListener::new(move |stage, done, total| {
        let Ok(mut last) = last.lock() else { return };
        if last.elapsed() >= EVERY {
            *last = Instant::now();
            output::note(&format!("  {}", progress(stage, done, total)));
        }
    })
}

fn progress(stage: Stage, done: u64, total: u64) -> String {
    let (done, total, unit) = match stage {
        Stage::Index => return stage.to_string(),
        Stage::Compare => (done, total, ""),
        _ => (done / 1_000_000, total / 1_000_000, " MB"),
    };
    if total == 0 { format!("{stage}: {done}{unit}") } else { format!("{stage}: {done} of {total}{unit}") }
}

fn bar(stage: Stage, total: u64) -> ProgressBar {
    let template = match stage {
        Stage::Index => SPIN,
        Stage::Compare => COUNT,
        _ => BYTES,
    };
    let bar = ProgressBar::new(total); // on standard error
    bar.set_message(stage.to_string());
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    if stage == Stage::Index {
        bar.enable_steady_tick(Duration::from_millis(200));
    }
    bar
}
