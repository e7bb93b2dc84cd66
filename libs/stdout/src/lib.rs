//! Whether the process was started with an open standard output.
//!
//! Rust's runtime opens `/dev/null` in the place of a standard descriptor that is closed (`>&-`), so that no file gets its
//! number. From then on every answer seems to be written, and nobody can tell any more. So it is looked at before: by a
//! function that the loader calls before `main`. That takes one `unsafe` attribute, and is why this is a crate of its own.

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

/// Whether it was closed: then nothing that is written to it arrives anywhere. Elsewhere than on Linux nobody can tell.
#[must_use]
pub fn was_closed() -> bool {
    #[cfg(target_os = "linux")]
    let closed = at_start::closed();
    #[cfg(not(target_os = "linux"))]
    let closed = false;
    closed
}
