//! Records into finished lines; a record that several readers want in one form is rendered once.

use bytes::Bytes;
use jiff::tz::TimeZone;

use super::record::Record;
use super::stamp::Stamper;

/// Renders records as text or JSON, in one time zone.
#[derive(Debug)]
pub(super) struct Renderer {
    stamper: Stamper,
    scratch: String,
    /// The current record's line with its line break, by form: text, JSON.
    shared: [Option<Bytes>; 2],
}

impl Renderer {
    pub(super) fn new(zone: TimeZone) -> Self {
        Self {
            stamper: Stamper::new(zone),
            scratch: String::new(),
            shared: [None, None],
        }
    }

    /// Forgets the lines of the record before.
    pub(super) fn next_record(&mut self) {
        self.shared = [None, None];
    }

    /// The record's line without its line break.
    pub(super) fn borrowed_line(&mut self, record: &Record, json: bool) -> &str {
        self.scratch.clear();
        if json {
            record.write_json(self.stamper.json(record.time), &mut self.scratch);
        } else {
            record.write_text(self.stamper.text(record.time), &mut self.scratch);
        }
        &self.scratch
    }

    /// The record's line with its line break.
    pub(super) fn line(&mut self, record: &Record, json: bool) -> Bytes {
        self.borrowed_line(record, json);
        self.scratch.push('\n');
        Bytes::copy_from_slice(self.scratch.as_bytes())
    }

    /// Like [`Renderer::line`] for the current record, rendered for the first who asks only.
    pub(super) fn shared_line(&mut self, record: &Record, json: bool) -> Bytes {
        if let Some(line) = &self.shared[usize::from(json)] {
            return line.clone();
        }
        let line = self.line(record, json);
        self.shared[usize::from(json)] = Some(line.clone());
        line
    }
}
