//! Progress bars, on stderr, where somebody sees them.

use indicatif::{ProgressBar, ProgressStyle};

use crate::output::Output;

/// A bar for `count` things; an invisible one where nobody would see it.
pub fn bar(output: &Output, count: u64, what: &str) -> ProgressBar {
    if !output.shows_progress() || count < 2 {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len} {elapsed}")
        .expect("the template is right");
    ProgressBar::new(count).with_style(style).with_message(what.to_owned())
}
