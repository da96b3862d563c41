//! Collects one page of a list from rows that come newest first, looking at a bounded number of
//! them whatever the filter lets through.

use std::ops::ControlFlow;

use posthaste_core::limits::SCAN_ROWS_MAX;
use posthaste_core::page::{Cursor, Page, PageRequest};

use super::fault::Fault;

/// The id that every item of the page lies below, as a number that an SQL integer can hold: a
/// caller may make up a cursor.
pub fn before(page: &PageRequest) -> u64 {
    page.before().min(i64::MAX as u64)
}

#[derive(Debug)]
pub struct PageScan<T> {
    limit: usize,
    rows_left: usize,
    row_cost: usize,
    items: Vec<T>,
    last_taken: u64,
    last_seen: u64,
    next: Option<Cursor>,
}

impl<T> PageScan<T> {
    pub fn new(limit: usize) -> PageScan<T> {
        let items = Vec::with_capacity(limit.min(1_000));
        PageScan {
            limit,
            rows_left: SCAN_ROWS_MAX,
            row_cost: 1,
            items,
            last_taken: 0,
            last_seen: 0,
            next: None,
        }
    }

    /// From now on a row counts as so many of those that the bound is about.
    pub fn set_row_cost(&mut self, row_cost: usize) {
        self.row_cost = row_cost;
    }

    /// Looks at the row with that id. `take` gives the item, or `None` if the filter does not
    /// want it.
    pub fn visit(
        &mut self,
        id: u64,
        take: impl FnOnce() -> Result<Option<T>, Fault>,
    ) -> Result<ControlFlow<()>, Fault> {
        if self.rows_left == 0 {
            self.next = Some(Cursor { before: self.last_seen });
            return Ok(ControlFlow::Break(()));
        }
        self.rows_left = self.rows_left.saturating_sub(self.row_cost);
        if let Some(item) = take()? {
            if self.items.len() == self.limit {
                // One more than asked for: so there is a next page, and it begins with this.
                self.next = Some(Cursor { before: self.last_taken });
                return Ok(ControlFlow::Break(()));
            }
            self.items.push(item);
            self.last_taken = id;
        }
        self.last_seen = id;
        Ok(ControlFlow::Continue(()))
    }

    /// A page that is complete needs no further partition.
    pub fn is_done(&self) -> bool {
        self.next.is_some()
    }

    pub fn finish(self) -> Page<T> {
        Page { items: self.items, next: self.next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ids from `newest` down to 1, of which the filter wants the multiples of `step`.
    fn page(newest: u64, step: u64, limit: usize) -> Page<u64> {
        let mut scan = PageScan::new(limit);
        for id in (1..=newest).rev() {
            let take = || Ok(id.is_multiple_of(step).then_some(id));
            if scan.visit(id, take).expect("no fault").is_break() {
                break;
            }
        }
        scan.finish()
    }

    #[test]
    fn a_full_page_says_whether_there_is_more() {
        assert_eq!(page(5, 1, 5), Page { items: vec![5, 4, 3, 2, 1], next: None });
        assert_eq!(page(5, 1, 3), Page { items: vec![5, 4, 3], next: Some(Cursor { before: 3 }) });
        assert_eq!(page(0, 1, 3), Page { items: vec![], next: None });
        assert_eq!(page(9, 4, 1), Page { items: vec![8], next: Some(Cursor { before: 8 }) });
    }

    #[test]
    fn a_filter_that_wants_little_gives_a_short_page_with_a_cursor() {
        let rows = SCAN_ROWS_MAX as u64;
        let first = page(2 * rows, 2 * rows - 1, 50);
        assert_eq!(first.items, [2 * rows - 1]);
        assert_eq!(first.next, Some(Cursor { before: rows + 1 }));
        assert_eq!(page(rows, 2 * rows, 50), Page { items: vec![], next: None });
    }
}
