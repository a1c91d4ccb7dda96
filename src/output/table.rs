//! Tables of data, and the shapes that `-format` gives them. Pure.

use std::cmp::Ordering;
use std::fmt::Write as _;

use super::columns::column_lines;

/// What data is printed as.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Shape {
    /// The command's own text, which is Consul's.
    #[default]
    Text,
    /// A table of all columns.
    Wide,
    /// One JSON value.
    Json,
    /// One YAML document.
    Yaml,
    /// Comma-separated values, all columns.
    Csv,
    /// The first column alone, without a head.
    Name,
    /// A table of the named columns.
    Columns(Vec<String>),
}

/// The names of the shapes, as they are typed.
pub const SHAPES: [&str; 7] = ["text", "wide", "json", "yaml", "csv", "name", "cols=NAME,…"];

impl Shape {
    /// Reads the value of the flag; `None` for what is no shape.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "text" | "pretty" => Self::Text,
            "wide" => Self::Wide,
            "json" => Self::Json,
            "yaml" => Self::Yaml,
            "csv" => Self::Csv,
            "name" => Self::Name,
            _ => {
                let names = text.strip_prefix("cols=")?.split(',').map(str::trim);
                let names: Vec<String> = names.map(str::to_owned).collect();
                if names.iter().any(String::is_empty) {
                    return None;
                }
                Self::Columns(names)
            }
        })
    }
}

/// A column that a table does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no column \"{name}\": there are {}", .known.join(", "))]
pub struct UnknownColumn {
    /// What was asked for.
    pub name: String,
    /// What there is.
    pub known: Vec<String>,
}

/// Rows under a head. Every row has as many cells as the head.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// The names of the columns.
    pub head: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub fn new(head: &[&str]) -> Self {
        Self {
            head: head.iter().map(|name| (*name).to_owned()).collect(),
            rows: Vec::new(),
        }
    }

    /// The place of a column; letters may be small or large, and `~` may be left out. The first one is also called `name`.
    ///
    /// # Errors
    ///
    /// There is no such column.
    pub fn column(&self, name: &str) -> Result<usize, UnknownColumn> {
        let plain = |name: &str| name.trim_end_matches('~').to_lowercase();
        let wanted = plain(name);
        let found = self.head.iter().position(|head| plain(head) == wanted);
        let first = (wanted == "name" && !self.head.is_empty()).then_some(0);
        found.or(first).ok_or_else(|| UnknownColumn {
            name: name.to_owned(),
            known: self.head.clone(),
        })
    }

    /// In which order the rows stand when they are sorted by a column. Numbers sort as numbers, rows that are equal keep
    /// their order, and what is not known (empty or `n/a`) stands last either way.
    ///
    /// # Errors
    ///
    /// There is no such column.
    pub fn order(&self, name: &str, reverse: bool) -> Result<Vec<usize>, UnknownColumn> {
        let column = self.column(name)?;
        let cell = |row: usize| self.rows[row][column].as_str();
        let mut order: Vec<usize> = (0..self.rows.len()).collect();
        order.sort_by(|one, other| {
            let (one, other) = (cell(*one), cell(*other));
            let unknown = is_unknown(one).cmp(&is_unknown(other));
            let found = compare(one, other);
            unknown.then(if reverse { found.reverse() } else { found })
        });
        Ok(order)
    }

    /// The table with only these columns, in this order.
    ///
    /// # Errors
    ///
    /// There is no such column.
    pub fn select<T: AsRef<str>>(&self, names: &[T]) -> Result<Self, UnknownColumn> {
        let places = names.iter().map(|name| self.column(name.as_ref()));
        let places: Vec<usize> = places.collect::<Result<_, _>>()?;
        let pick = |cells: &Vec<String>| places.iter().map(|place| cells[*place].clone()).collect();
        Ok(Self {
            head: pick(&self.head),
            rows: self.rows.iter().map(pick).collect(),
        })
    }

    /// Aligned columns, a line each. Control characters are shown as escapes, so that a row is a line.
    pub fn aligned(&self, head: bool) -> Vec<String> {
        let head = head.then_some(&self.head).into_iter();
        let rows = head.chain(&self.rows);
        let rows: Vec<Vec<String>> = rows
            .map(|cells| cells.iter().map(|cell| shown(cell)).collect())
            .collect();
        column_lines(&rows)
    }

    /// Comma-separated values (RFC 4180, lines end as everywhere here).
    pub fn csv(&self, head: bool) -> String {
        let mut text = String::new();
        let head = head.then_some(&self.head).into_iter();
        for cells in head.chain(&self.rows) {
            let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
            let _ = writeln!(text, "{}", cells.join(","));
        }
        text
    }

    /// The first column, a line each.
    pub fn names(&self) -> String {
        let names = self.rows.iter().filter_map(|cells| cells.first());
        names
            .flat_map(|name| [shown(name), "\n".to_owned()])
            .collect()
    }
}

fn is_unknown(cell: &str) -> bool {
    matches!(cell, "" | "n/a")
}

/// Numbers first, by their size; then everything else, by letter.
fn compare(one: &str, other: &str) -> Ordering {
    match (number(one), number(other)) {
        (Some(first), Some(second)) => first.total_cmp(&second),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => one.cmp(other),
    }
}

/// A number with or without a unit of letters behind it.
fn number(cell: &str) -> Option<f64> {
    let digits = cell.trim_end_matches(|letter: char| letter.is_alphabetic());
    digits.parse().ok()
}

fn shown(cell: &str) -> String {
    if cell.contains(char::is_control) {
        cell.escape_debug().to_string()
    } else {
        cell.to_owned()
    }
}

fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        Table {
            rows: vec![
                row(["b", "10.5ms", "x, \"y\""]),
                row(["a", "n/a", "two\nlines"]),
                row(["c", "9.0ms", ""]),
            ],
            ..Table::new(&["Node", "RTT~", "Note"])
        }
    }

    #[test]
    fn shapes_are_read() {
        let columns = |names: &[&str]| {
            let names = names.iter().map(|name| (*name).to_owned());
            Some(Shape::Columns(names.collect()))
        };
        assert_eq!(Shape::parse("cols=a, b"), columns(&["a", "b"]));
        assert_eq!(Shape::parse("cols="), None);
        assert_eq!(Shape::parse("cols=a,,b"), None);
        assert_eq!(Shape::parse("tsv"), None);
        for name in SHAPES.iter().take(6) {
            assert!(Shape::parse(name).is_some(), "{name}");
        }
    }

    #[test]
    fn rows_sort_by_number_and_the_unknown_stands_last() {
        assert_eq!(table().order("rtt", false), Ok(vec![2, 0, 1]));
        assert_eq!(table().order("RTT~", true), Ok(vec![0, 2, 1]));
        assert_eq!(table().order("node", false), Ok(vec![1, 0, 2]));
        assert_eq!(table().order("name", false), Ok(vec![1, 0, 2]));
        let text = table().order("age", false).unwrap_err().to_string();
        let expected = "there is no column \"age\": there are Node, RTT~, Note";
        assert_eq!(text, expected);
    }

    #[test]
    fn numbers_stand_before_words_in_one_order() {
        let mut table = Table::new(&["X"]);
        let cells = ["9", "5x!", "10", "a", "", "1s", "10"];
        table.rows = cells.map(|cell| vec![cell.to_owned()]).to_vec();
        assert_eq!(table.order("x", false), Ok(vec![5, 0, 2, 6, 1, 3, 4]));
        assert_eq!(table.order("x", true), Ok(vec![3, 1, 2, 6, 0, 5, 4]));
        // The three that stood in a circle by number and by letter: 9 < 10, 10 < 5x!, 5x! < 9.
        assert_eq!(compare("9", "10"), Ordering::Less);
        assert_eq!(compare("10", "5x!"), Ordering::Less);
        assert_eq!(compare("9", "5x!"), Ordering::Less);
    }

    #[test]
    fn an_empty_row_is_a_line_too() {
        let mut table = Table::new(&["Value"]);
        assert!(table.aligned(false).is_empty());
        table.rows = vec![
            vec!["x".to_owned()],
            vec![String::new()],
            vec![String::new()],
        ];
        assert_eq!(table.aligned(false), ["x", "", ""]);
        assert_eq!(table.aligned(true), ["Value", "x", "", ""]);
    }

    #[test]
    fn every_row_is_one_line_in_text_and_whole_in_csv() {
        let some = table().select(&["note", "node"]).unwrap();
        let lines = [
            "Note        Node",
            "x, \"y\"      b",
            "two\\nlines  a",
            "            c",
        ];
        assert_eq!(some.aligned(true), lines);
        assert_eq!(some.aligned(false), lines[1..]);
        let csv = "Note,Node\n\"x, \"\"y\"\"\",b\n\"two\nlines\",a\n,c\n";
        assert_eq!(some.csv(true), csv);
        assert_eq!(some.csv(false), csv.split_once('\n').unwrap().1);
        assert_eq!(table().names(), "b\na\nc\n");
    }
}
