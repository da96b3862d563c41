//! Where one request ends and the next begins: all that the hand-made receivers need of HTTP.

use std::ops::Range;

/// The body of the first request in `buffer`, once all of it is there. The request ends with it.
pub fn first_body(buffer: &[u8]) -> Option<Range<usize>> {
    let head = buffer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&buffer[..head]).expect("an ASCII head").to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |length| length.trim().parse().expect("a number"));
    (buffer.len() >= head + length).then_some(head..head + length)
}
