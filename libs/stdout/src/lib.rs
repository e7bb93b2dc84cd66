//! Whether the process was started with an open standard output.
//!
//! Rust's runtime replaces a closed standard descriptor (`>&-`) by `/dev/null`, so that every write seems to succeed.
//! So a function that the loader calls before `main` checks it. This needs one `unsafe` attribute, hence the crate.
//!
//! ```
//! if stdout::was_closed() {
//!     eprintln!("standard output is closed");
//! }
//! ```

#[cfg(target_os = "linux")]
mod at_start {
    use std::sync::atomic::{AtomicBool, Ordering};

    use nix::fcntl::{FcntlArg, fcntl};

    static CLOSED: AtomicBool = AtomicBool::new(false);

    #[used]
    #[expect(
        unsafe_code,
        reason = "an entry of the table that the loader works through: it names a function of the right kind"
    )]
    #[unsafe(link_section = ".init_array")]
    static LOOK: extern "C" fn() = look;

    extern "C" fn look() {
        let flags = fcntl(std::io::stdout(), FcntlArg::F_GETFD);
        CLOSED.store(flags.is_err(), Ordering::Relaxed);
    }

    pub(super) fn closed() -> bool {
        CLOSED.load(Ordering::Relaxed)
    }
}

/// Whether standard output was closed at the start, so that all output is lost. Always false on systems other than
/// Linux.
#[must_use]
pub fn was_closed() -> bool {
    #[cfg(target_os = "linux")]
    let closed = at_start::closed();
    #[cfg(not(target_os = "linux"))]
    let closed = false;
    closed
}
