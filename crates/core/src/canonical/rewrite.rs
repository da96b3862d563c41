//! A text that is mostly kept and here and there replaced, written out only from the first
//! difference on: what stays the same is copied in runs, and a text without differences never.

use std::borrow::Cow;

/// The output is `out` followed by the input from `kept_from` on. So a position in the output,
/// once known, stays true when a kept run is copied over.
pub(super) struct Rewrite<'a> {
    text: &'a str,
    kept_from: usize,
    out: String,
}

impl<'a> Rewrite<'a> {
    pub(super) fn new(text: &'a str) -> Rewrite<'a> {
        Rewrite { text, kept_from: 0, out: String::new() }
    }

    /// Writes `with` in place of the input from `start` to `end`. Differences come in order.
    pub(super) fn replace(&mut self, start: usize, end: usize, with: &str) {
        if self.out.capacity() == 0 {
            self.out.reserve(self.text.len());
        }
        self.out.push_str(&self.text[self.kept_from..start]);
        self.out.push_str(with);
        self.kept_from = end;
    }

    /// Copies what was kept up to `end` of the input, so that it lies in one piece.
    pub(super) fn keep_until(&mut self, end: usize) {
        self.replace(end, end, "");
    }

    /// Whether something was replaced behind `at` of the input.
    #[inline]
    pub(super) fn changed_since(&self, at: usize) -> bool {
        self.kept_from > at
    }

    /// Where `at` of the input, which no replacement reached yet, stands in the output.
    #[inline]
    pub(super) fn position_of(&self, at: usize) -> usize {
        debug_assert!(at >= self.kept_from);
        self.out.len() + (at - self.kept_from)
    }

    /// The output between two positions that both lie in what is copied, or both in what is not.
    #[inline]
    pub(super) fn written(&self, start: usize, end: usize) -> &str {
        debug_assert!(end <= self.out.len() || start >= self.out.len());
        if end <= self.out.len() {
            return &self.out[start..end];
        }
        let offset = self.kept_from;
        &self.text[offset + start - self.out.len()..offset + end - self.out.len()]
    }

    /// Puts `tail` in place of all that is copied from `start` of the output on; as long as that.
    pub(super) fn rewrite_tail(&mut self, start: usize, tail: &str) {
        debug_assert_eq!(self.out.len() - start, tail.len());
        self.out.truncate(start);
        self.out.push_str(tail);
    }

    /// What has become of the input up to `end`, where the last replacement was before.
    pub(super) fn finish(mut self, end: usize) -> Cow<'a, str> {
        if self.kept_from == 0 {
            return Cow::Borrowed(&self.text[..end]);
        }
        self.keep_until(end);
        Cow::Owned(self.out)
    }
}
