//! Lists: newest first, a page at a time, each page ending in a cursor to go on from.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::Invalid;
use crate::limits::{PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MAX};

/// Where the next page begins: everything below `before`. Opaque to callers, so that what it
/// holds may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    pub before: u64,
}

impl Cursor {
    pub fn encode(self) -> String {
        URL_SAFE_NO_PAD.encode(self.before.to_be_bytes())
    }

    pub fn parse(text: &str) -> Result<Cursor, Invalid> {
        let wrong = || Invalid::at("", format!("{text:?} is not a cursor this server gave out"));
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong())?;
        let bytes: [u8; 8] = bytes.try_into().map_err(|_| wrong())?;
        Ok(Cursor { before: u64::from_be_bytes(bytes) })
    }
}

/// Which part of a list is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    pub limit: usize,
    pub cursor: Option<Cursor>,
}

impl PageRequest {
    pub fn parse(limit: Option<&str>, cursor: Option<&str>) -> Result<PageRequest, Invalid> {
        let limit = match limit {
            None => PAGE_LIMIT_DEFAULT,
            Some(text) => text
                .parse()
                .ok()
                .filter(|limit| (1..=PAGE_LIMIT_MAX).contains(limit))
                .ok_or_else(|| {
                    Invalid::at("/limit", format!("must be a number from 1 to {PAGE_LIMIT_MAX}"))
                })?,
        };
        let cursor =
            cursor.map(Cursor::parse).transpose().map_err(|invalid| invalid.under("/cursor"))?;
        Ok(PageRequest { limit, cursor })
    }

    /// The id that every item of the page lies below.
    pub fn before(&self) -> u64 {
        self.cursor.map_or(i64::MAX as u64, |cursor| cursor.before)
    }
}

impl Default for PageRequest {
    fn default() -> PageRequest {
        PageRequest { limit: PAGE_LIMIT_DEFAULT, cursor: None }
    }
}

/// A page, and where the next one begins if there may be one. A page can be short, even empty,
/// and still have a next one: a list call looks at a bounded number of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// One page of two lists that share a sequence of ids: of both, those that are newer than what
    /// either has not shown yet. `id_of` tells the id by which they are listed.
    pub fn merged(
        limit: usize,
        one: Page<T>,
        other: Page<T>,
        id_of: impl Fn(&T) -> u64,
    ) -> Page<T> {
        let unseen = one.next.into_iter().chain(other.next).map(|cursor| cursor.before).max();
        let mut items: Vec<T> = one.items.into_iter().chain(other.items).collect();
        items.sort_by_key(|item| std::cmp::Reverse(id_of(item)));
        items.retain(|item| unseen.is_none_or(|unseen| id_of(item) >= unseen));
        if items.len() <= limit {
            return Page { items, next: unseen.map(|before| Cursor { before }) };
        }
        items.truncate(limit);
        let next = items.last().map(|last| Cursor { before: id_of(last) });
        Page { items, next }
    }

    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(change).collect(), next: self.next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_text_and_junk_is_refused() {
        let cursor = Cursor { before: 0x0123_4567_89ab_cdef };
        assert_eq!(Cursor::parse(&cursor.encode()), Ok(cursor));
        for junk in ["", "x", "AAAA", "AAAAAAAAAAAAAAAAAAAAAA", "a+b/", "\u{0}"] {
            assert!(Cursor::parse(junk).is_err(), "{junk:?}");
        }
    }

    #[test]
    fn the_limit_is_a_number_from_1_to_200() {
        let check = |text, expected: Option<usize>| {
            let parsed = PageRequest::parse(text, None).ok().map(|request| request.limit);
            assert_eq!(parsed, expected, "{text:?}");
        };
        check(None, Some(50));
        check(Some("1"), Some(1));
        check(Some("200"), Some(200));
        check(Some("0"), None);
        check(Some("201"), None);
        check(Some("-1"), None);
        check(Some("ten"), None);
    }

    #[test]
    fn two_lists_are_walked_as_one() {
        let page = |ids: &[u64], request: PageRequest| {
            let found: Vec<u64> =
                ids.iter().rev().copied().filter(|id| *id < request.before()).collect();
            let items: Vec<u64> = found.iter().copied().take(request.limit).collect();
            let has_more = found.len() > items.len();
            let next = items.last().filter(|_| has_more).map(|last| Cursor { before: *last });
            Page { items, next }
        };
        let (one, other) = ([1, 4, 5, 6, 9], [2, 3, 7, 8]);
        for limit in 1..=10 {
            let mut walked = Vec::new();
            let mut request = PageRequest { limit, cursor: None };
            loop {
                let merged =
                    Page::merged(limit, page(&one, request), page(&other, request), |id| *id);
                assert!(merged.items.len() <= limit);
                walked.extend(merged.items);
                request.cursor = merged.next;
                if request.cursor.is_none() {
                    break;
                }
            }
            assert_eq!(walked, [9, 8, 7, 6, 5, 4, 3, 2, 1], "{limit} at a time");
        }
    }
}
