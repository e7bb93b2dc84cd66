//! How far something is: a bar where somebody looks, nothing where nobody does.

use std::sync::Mutex;

use ::backup::{Stage, Watch};
use indicatif::{ProgressBar, ProgressStyle};

const BYTES: &str = "  {msg:<20} {wide_bar} {bytes:>10} of {total_bytes} {bytes_per_sec:>12} {eta:>5} left";
const COUNT: &str = "  {msg:<20} {wide_bar} {pos:>6} of {len}";
const SPIN: &str = "  {msg:<20} {spinner} {elapsed}";

/// Shows each stage as a bar of its own.
pub(crate) fn bars() -> Watch {
    let shown: Mutex<Option<(Stage, ProgressBar)>> = Mutex::default();
    Watch::new(move |stage, done, total| {
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

fn bar(stage: Stage, total: u64) -> ProgressBar {
    let template = match stage {
        Stage::Index => SPIN,
        Stage::Compare => COUNT,
        _ => BYTES,
    };
    let bar = ProgressBar::new(total); // on standard error, and only where that is a terminal
    bar.set_message(stage.to_string());
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    if stage == Stage::Index {
        bar.enable_steady_tick(std::time::Duration::from_millis(200));
    }
    bar
}
