//! A frame of rows while it grows.

use super::ROWS;
use crate::runner::bytes::Frame;

/// A frame of rows while it grows.
pub(crate) struct RowsFrame {
    pub(super) frame: Frame,
    rows: u32,
}

impl RowsFrame {
    /// `length | kind | in transaction | ended | changed | number of rows` stand before the rows.
    pub(crate) fn new() -> Self {
        let mut frame = Frame::new(ROWS);
        frame.bool(false);
        frame.ended(None);
        frame.u32(0);
        Self { frame, rows: 0 }
    }

    pub(crate) fn start_row(&mut self, columns: usize) {
        self.frame.u16(u16::try_from(columns).unwrap_or(u16::MAX));
    }

    pub(crate) fn null(&mut self) {
        self.frame.null();
    }

    pub(crate) fn integer(&mut self, integer: i64) {
        self.frame.integer(integer);
    }

    pub(crate) fn real(&mut self, real: f64) {
        self.frame.real(real);
    }

    /// Text, if it is UTF-8; SQLite stores what it is given, so anything else counts as bytes.
    pub(crate) fn text(&mut self, text: &[u8]) {
        match str::from_utf8(text) {
            Ok(_) => self.frame.text(text),
            Err(_) => self.frame.blob(text),
        }
    }

    pub(crate) fn blob(&mut self, bytes: &[u8]) {
        self.frame.blob(bytes);
    }

    pub(crate) fn end_row(&mut self) {
        self.rows = self.rows.saturating_add(1);
    }

    pub(crate) fn rows(&self) -> u32 {
        self.rows
    }

    pub(crate) fn size_bytes(&self) -> usize {
        self.frame.size_bytes()
    }

    /// Fills in what was not known at the start.
    pub(crate) fn end(mut self, in_transaction: bool, ended: Option<u64>) -> Vec<u8> {
        let mut head = Frame::new(ROWS);
        head.bool(in_transaction);
        head.ended(ended);
        head.u32(self.rows);
        self.frame.replace_start(&head);
        self.frame.end()
    }
}
