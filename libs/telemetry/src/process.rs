//! Process metrics of the operating system, named as in Prometheus' client libraries. Linux only.

use std::fs;

use kernel::Clock;
use metrics::{counter, gauge};

/// Clock ticks per second in which Linux reports CPU time.
const TICKS: u64 = 100;

/// Current Unix time for Prometheus.
#[expect(clippy::cast_precision_loss, reason = "seconds since 1970 fit")]
pub(crate) fn now() -> f64 {
    Clock::system().unix_seconds() as f64
}

/// Updates the gauges. Values that cannot be read are omitted.
#[expect(clippy::cast_precision_loss, reason = "no process has so much")]
pub(crate) fn look() {
    if let Some(kilobytes) = field("/proc/self/status", "VmRSS:") {
        gauge!("process_resident_memory_bytes").set((kilobytes * 1024) as f64);
    }
    if let Some(most) = field("/proc/self/limits", "Max open files") {
        gauge!("process_max_fds").set(most as f64);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        gauge!("process_open_fds").set(open.count() as f64);
    }
    if let Some(ticks) = processor_time() {
        counter!("process_cpu_seconds_total").absolute(ticks / TICKS);
    }
}

/// First number after `name` at the start of a line.
fn field(file: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

/// CPU time in user and kernel mode. Fields are counted from the end of the command name, which may contain
/// anything.
fn processor_time() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = text.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, kernel): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(user + kernel)
}
