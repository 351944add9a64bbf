//! What is said when a long run is interrupted.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::tell_note;

/// What a shell expects of a program that Ctrl-C has ended: 128 and the number of the signal.
const INTERRUPTED: i32 = 130;

/// How far a run is; Ctrl-C ends the program with a line that says it.
pub(super) struct Interrupt(Arc<Counts>);

#[derive(Default)]
struct Counts {
    done: AtomicUsize,
    all: AtomicUsize,
}

impl Interrupt {
    /// Watches from now on; `out` is the folder that is being written. Where signals cannot be had, Ctrl-C ends the program without a word.
    pub(super) fn watch(out: Option<PathBuf>) -> Interrupt {
        let counts = Arc::new(Counts::default());
        let shown = Arc::clone(&counts);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            if runtime.is_ok_and(|runtime| runtime.block_on(tokio::signal::ctrl_c()).is_ok()) {
                tell_note(&shown.told(out));
                std::process::exit(INTERRUPTED);
            }
        });
        Interrupt(counts)
    }

    /// How many there are in all.
    pub(super) fn of(&self, all: usize) {
        self.0.all.store(all, Ordering::Relaxed);
    }

    /// One more is done.
    pub(super) fn one_more(&self) {
        self.0.done.fetch_add(1, Ordering::Relaxed);
    }
}

impl Counts {
    fn told(&self, out: Option<PathBuf>) -> String {
        let (done, all) = (self.done.load(Ordering::Relaxed), self.all.load(Ordering::Relaxed));
        let report = out.filter(|_| all > 0).map(|out| out.join("report.ndjson"));
        let report = report.map(|file| format!("; {} is not complete", file.display())).unwrap_or_default();
        match all {
            0 => "interrupted before the first connector".to_owned(),
            _ => format!("interrupted after {done} of {all} connectors{report}"),
        }
    }
}
