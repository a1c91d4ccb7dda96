//! The screen as a file: text, text with colours, or a drawing. Pure.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr as _;

use super::app::App;
use super::snapshot::Millis;
use super::views;
use super::words::moment;

/// Columns and rows of the largest picture.
const MAX_SIZE: (u16, u16) = (1000, 500);
/// Width and height of a cell in a drawing.
const CELL: (usize, usize) = (8, 17);
/// Room around a drawing.
const MARGIN: usize = 8;
/// Colours of a drawing: what is written, and what it is written on.
const PAPER: (&str, &str) = ("#d8dee6", "#15181d");

/// What a file of the screen holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Letters only.
    Text,
    /// Letters, and sequences for colours.
    Ansi,
    /// A drawing for browsers.
    Svg,
}

impl Format {
    /// What the end of a file's name asks for.
    pub fn of(name: &str) -> Option<Self> {
        match name.rsplit_once('.')?.1 {
            "txt" => Some(Self::Text),
            "ansi" => Some(Self::Ansi),
            "svg" => Some(Self::Svg),
            _ => None,
        }
    }
}

/// What the screen of the dashboard shows at that size, which is bounded by 1000 columns and 500 rows.
pub fn render(app: &mut App, now: Millis, size: (u16, u16)) -> Buffer {
    app.prepare(now);
    let backend = TestBackend::new(size.0.min(MAX_SIZE.0), size.1.min(MAX_SIZE.1));
    let Ok(mut terminal) = Terminal::new(backend);
    let Ok(frame) = terminal.draw(|frame| views::draw(frame, app, now));
    frame.buffer.clone()
}

/// A picture as the text of a file.
pub fn write(picture: &Buffer, format: Format) -> String {
    match format {
        Format::Text => text(picture),
        Format::Ansi => ansi(picture),
        Format::Svg => svg(picture),
    }
}

/// The name of a file made at that time; `again` tells files of the same second apart.
pub fn name(now: Millis, again: u32) -> String {
    let time = moment(now).replace(['-', ':'], "");
    let again = match again {
        0 => String::new(),
        more => format!("-{}", more + 1),
    };
    format!("consulctl-top-{time}{again}.txt")
}

/// Letters of the same look, and where they begin.
struct Run<'a> {
    column: usize,
    text: String,
    cell: &'a Cell,
}

/// A row in as few runs as possible. The second half of a wide letter is part of it.
fn runs(row: &[Cell]) -> Vec<Run<'_>> {
    let mut runs: Vec<Run<'_>> = Vec::new();
    let mut column = 0;
    while let Some(cell) = row.get(column) {
        let look = |cell: &Cell| (cell.fg, cell.bg, cell.modifier);
        match runs.last_mut() {
            Some(run) if look(run.cell) == look(cell) => run.text.push_str(cell.symbol()),
            _ => runs.push(Run {
                column,
                text: cell.symbol().to_owned(),
                cell,
            }),
        }
        column += cell.symbol().width().max(1);
    }
    runs
}

fn rows(picture: &Buffer) -> impl Iterator<Item = Vec<Run<'_>>> {
    let width = usize::from(picture.area.width).max(1);
    picture.content().chunks(width).map(runs)
}

fn text(picture: &Buffer) -> String {
    let lines = rows(picture).map(|runs| {
        let line: String = runs.iter().map(|run| run.text.as_str()).collect();
        line.trim_end().to_owned() + "\n"
    });
    lines.collect()
}

fn ansi(picture: &Buffer) -> String {
    let mut text = String::new();
    for runs in rows(picture) {
        for run in runs {
            let codes = codes(run.cell);
            if codes.is_empty() {
                text.push_str(&run.text);
            } else {
                let codes = codes.join(";");
                text.extend(["\u{1b}[", &codes, "m", &run.text, "\u{1b}[0m"]);
            }
        }
        text.push('\n');
    }
    text
}

/// What a terminal is told for a look.
fn codes(cell: &Cell) -> Vec<String> {
    let modifiers = [
        (Modifier::BOLD, 1),
        (Modifier::DIM, 2),
        (Modifier::UNDERLINED, 4),
        (Modifier::REVERSED, 7),
    ];
    let set = modifiers
        .iter()
        .filter(|(one, _)| cell.modifier.contains(*one));
    let mut codes: Vec<String> = set.map(|(_, code)| code.to_string()).collect();
    codes.extend(colour(cell.fg).map(|(code, _)| code.to_string()));
    codes
}

/// A colour of the themes: its code, and how it looks in a drawing.
fn colour(colour: Color) -> Option<(u8, &'static str)> {
    Some(match colour {
        Color::Red => (31, "#f07178"),
        Color::Green => (32, "#8fd18b"),
        Color::Yellow => (33, "#e6c26e"),
        Color::Blue => (34, "#7aa2f7"),
        Color::Magenta => (35, "#d291e4"),
        Color::Cyan => (36, "#6fd0d8"),
        Color::DarkGray => (90, "#858d99"),
        Color::LightYellow => (93, "#ffe08a"),
        _ => return None,
    })
}

fn svg(picture: &Buffer) -> String {
    let (width, height) = (
        usize::from(picture.area.width),
        usize::from(picture.area.height),
    );
    let (wide, high) = (width * CELL.0 + 2 * MARGIN, height * CELL.1 + 2 * MARGIN);
    let (ink, paper) = PAPER;
    let mut lines = vec![
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{wide}\" height=\"{high}\" viewBox=\"0 0 {wide} {high}\">"
        ),
        format!("<rect width=\"100%\" height=\"100%\" fill=\"{paper}\"/>"),
        format!(
            "<g font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" font-size=\"13\" xml:space=\"preserve\" fill=\"{ink}\">"
        ),
    ];
    for (row, runs) in rows(picture).enumerate() {
        for run in runs {
            lines.extend(drawn(&run, row));
        }
    }
    lines.push("</g>\n</svg>\n".to_owned());
    lines.join("\n")
}

/// The elements of a run; none for one that shows nothing.
fn drawn(run: &Run<'_>, row: usize) -> Vec<String> {
    let reversed = run.cell.modifier.contains(Modifier::REVERSED);
    let (ink, paper) = PAPER;
    let front = colour(run.cell.fg).map_or(ink, |(_, look)| look);
    let (x, y) = (MARGIN + run.column * CELL.0, MARGIN + row * CELL.1);
    let length = run.text.width() * CELL.0;
    let mut found = Vec::new();
    if reversed {
        let height = CELL.1;
        found.push(format!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{length}\" height=\"{height}\" fill=\"{front}\"/>"
        ));
    }
    if run.text.trim().is_empty() {
        return found;
    }
    let mut look = format!(" fill=\"{}\"", if reversed { paper } else { front });
    for (modifier, attribute) in [
        (Modifier::BOLD, " font-weight=\"bold\""),
        (Modifier::DIM, " opacity=\"0.6\""),
        (Modifier::UNDERLINED, " text-decoration=\"underline\""),
    ] {
        if run.cell.modifier.contains(modifier) {
            look.push_str(attribute);
        }
    }
    let text = escaped(&run.text);
    let base = y + 13;
    found.push(format!(
        "<text x=\"{x}\" y=\"{base}\" textLength=\"{length}\" lengthAdjust=\"spacingAndGlyphs\"{look}>{text}</text>"
    ));
    found
}

/// Text that XML may hold.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            letter if letter.is_control() => escaped.push('?'),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;
    use crate::tui::derive::bad_cluster::{NOW, bad_cluster};
    use crate::tui::theme::Theme;
    use crate::tui::thresholds::Thresholds;

    fn small() -> Buffer {
        let mut picture = Buffer::empty(Rect::new(0, 0, 12, 2));
        picture.set_string(0, 0, "a<b", Style::new());
        let red = Style::new().fg(Color::Red).add_modifier(Modifier::BOLD);
        picture.set_string(3, 0, "節 & x", red);
        let selected = Style::new().add_modifier(Modifier::REVERSED);
        picture.set_string(0, 1, "row", selected);
        picture
    }

    #[test]
    fn looks_are_kept_where_the_format_has_them() {
        let picture = small();
        assert_eq!(write(&picture, Format::Text), "a<b節 & x\nrow\n");
        assert_eq!(
            write(&picture, Format::Ansi),
            "a<b\u{1b}[1;31m節 & x\u{1b}[0m   \n\u{1b}[7mrow\u{1b}[0m         \n"
        );
        let svg = write(&picture, Format::Svg);
        assert!(
            svg.starts_with("<svg ") && svg.ends_with("</svg>\n"),
            "{svg}"
        );
        for part in [
            ">a&lt;b</text>",
            "fill=\"#f07178\" font-weight=\"bold\">節 &amp; x</text>",
            "<rect x=\"8\" y=\"25\" width=\"24\"",
            "fill=\"#15181d\">row</text>",
        ] {
            assert!(svg.contains(part), "{part} in\n{svg}");
        }
    }

    #[test]
    fn every_colour_of_the_themes_is_drawn() {
        use crate::tui::theme::{Meaning, Palette};
        for palette in [Palette::Ansi, Palette::Deuteranopia, Palette::Mono] {
            for meaning in Meaning::ALL {
                if let Some(used) = palette.style(meaning).fg {
                    assert!(colour(used).is_some(), "{used:?}");
                }
            }
        }
    }

    #[test]
    fn names_tell_format_and_time() {
        assert_eq!(Format::of("a/b.svg"), Some(Format::Svg));
        assert_eq!(Format::of("svg"), None);
        assert_eq!(Format::of("a.png"), None);
        assert_eq!(name(0, 0), "consulctl-top-19700101T000000Z.txt");
        assert_eq!(name(0, 1), "consulctl-top-19700101T000000Z-2.txt");
    }

    #[test]
    fn any_size_is_drawn_within_bounds() {
        let (snapshot, seen) = bad_cluster();
        let mut app = App::looking(snapshot, seen, &Theme::default(), Thresholds::default());
        for size in [(0, 0), (1, 1), (80, 24), (u16::MAX, u16::MAX)] {
            let picture = render(&mut app, NOW, size);
            assert!(picture.area.width <= MAX_SIZE.0 && picture.area.height <= MAX_SIZE.1);
            write(&picture, Format::Svg);
        }
    }
}
