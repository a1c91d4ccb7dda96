//! What things mean in colours and symbols. Colour is decoration: symbol and word say the same.

use ratatui::style::{Color, Modifier, Style};

/// What a piece of text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// Ordinary text.
    Plain,
    /// Passing, alive.
    Ok,
    /// Warning, suspect.
    Warning,
    /// Critical, failed.
    Bad,
    /// Left, in maintenance, labels.
    Quiet,
    /// The leader, titles.
    Strong,
    /// What is old.
    Stale,
    /// The row under the cursor.
    Selected,
}

impl Meaning {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Plain,
        Self::Ok,
        Self::Warning,
        Self::Bad,
        Self::Quiet,
        Self::Strong,
        Self::Stale,
        Self::Selected,
    ];
}

/// A set of colours. All use the terminal's own sixteen and set no background.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Palette {
    /// Green, yellow, red.
    #[default]
    Ansi,
    /// Blue, yellow, bright yellow in reverse: for eyes that do not tell red from green.
    Deuteranopia,
    /// No colours: bold, underlined, reverse.
    Mono,
}

impl Palette {
    /// The palette of that name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "ansi" | "default" => Some(Self::Ansi),
            "deuteranopia" => Some(Self::Deuteranopia),
            "mono" => Some(Self::Mono),
            _ => None,
        }
    }

    /// How something of that meaning looks.
    pub fn style(self, meaning: Meaning) -> Style {
        let plain = Style::new();
        match (meaning, self) {
            (Meaning::Plain, _) | (Meaning::Ok, Self::Mono) => plain,
            (Meaning::Ok, Self::Ansi) => plain.fg(Color::Green),
            (Meaning::Ok, Self::Deuteranopia) => plain.fg(Color::Blue),
            (Meaning::Warning, Self::Ansi) => plain.fg(Color::Yellow),
            (Meaning::Warning, Self::Deuteranopia) => {
                plain.fg(Color::Yellow).add_modifier(Modifier::UNDERLINED)
            }
            (Meaning::Warning, Self::Mono) => plain.add_modifier(Modifier::UNDERLINED),
            (Meaning::Bad, Self::Ansi) => plain.fg(Color::Red).add_modifier(Modifier::BOLD),
            (Meaning::Bad, Self::Deuteranopia) => plain
                .fg(Color::LightYellow)
                .add_modifier(Modifier::BOLD | Modifier::REVERSED),
            (Meaning::Bad, Self::Mono) => plain.add_modifier(Modifier::BOLD | Modifier::REVERSED),
            (Meaning::Quiet, Self::Mono) | (Meaning::Stale, _) => plain.add_modifier(Modifier::DIM),
            (Meaning::Quiet, _) => plain.fg(Color::DarkGray),
            (Meaning::Strong, _) => plain.add_modifier(Modifier::BOLD),
            (Meaning::Selected, _) => plain.add_modifier(Modifier::REVERSED),
        }
    }
}

/// The symbols.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glyphs {
    /// Passing, alive.
    pub ok: &'static str,
    /// Warning, suspect.
    pub warning: &'static str,
    /// Critical, failed.
    pub bad: &'static str,
    /// Left, in maintenance.
    pub left: &'static str,
    /// Ends what is cut; one cell.
    pub more: &'static str,
    /// From low to high; one cell each.
    pub spark: [&'static str; 8],
    /// A cell in which a server led.
    pub bar: &'static str,
    /// Whether frames may be drawn with lines.
    pub lines: bool,
    /// Marks the column that is sorted by, rising and falling.
    pub arrows: [&'static str; 2],
}

/// Symbols of a terminal with Unicode.
pub const UNICODE: Glyphs = Glyphs {
    ok: "✓",
    warning: "!",
    bad: "✗",
    left: "←",
    more: "…",
    spark: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
    bar: "█",
    lines: true,
    arrows: ["▲", "▼"],
};

/// Symbols that every terminal has.
pub const ASCII: Glyphs = Glyphs {
    ok: "ok",
    warning: "!",
    bad: "x",
    left: "<-",
    more: "~",
    spark: [".", ":", "-", "=", "+", "*", "#", "@"],
    bar: "#",
    lines: false,
    arrows: ["^", "v"],
};

/// Colours and symbols.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    /// The colours.
    pub palette: Palette,
    /// The symbols.
    pub glyphs: Glyphs,
}

impl Default for Theme {
    fn default() -> Self {
        Self {
            palette: Palette::Ansi,
            glyphs: UNICODE,
        }
    }
}

impl Theme {
    /// What the environment asks for. `palette` and `ascii` are what the command line says: they win, but for
    /// `NO_COLOR` and a dumb terminal, which have no colours.
    pub fn from_environment(
        variable: impl Fn(&str) -> Option<String>,
        palette: Option<Palette>,
        ascii: bool,
    ) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let dumb = set("TERM").as_deref() == Some("dumb");
        let colourless = set("NO_COLOR").is_some() || dumb;
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .iter()
            .find_map(|name| set(name));
        let unicode = locale.is_some_and(|name| {
            let name = name.to_ascii_lowercase();
            name.contains("utf-8") || name.contains("utf8")
        });
        Self {
            palette: if colourless {
                Palette::Mono
            } else {
                palette.unwrap_or_default()
            },
            glyphs: if ascii || dumb || !unicode {
                ASCII
            } else {
                UNICODE
            },
        }
    }

    /// How something of that meaning looks.
    pub fn style(&self, meaning: Meaning) -> Style {
        self.palette.style(meaning)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PALETTES: [Palette; 3] = [Palette::Ansi, Palette::Deuteranopia, Palette::Mono];

    #[test]
    fn no_palette_sets_a_background() {
        for palette in PALETTES {
            for meaning in Meaning::ALL {
                assert_eq!(palette.style(meaning).bg, None, "{palette:?} {meaning:?}");
            }
        }
    }

    #[test]
    fn good_and_bad_are_no_red_and_green_where_eyes_do_not_tell_them() {
        let of_eyes = |color: Option<Color>| {
            matches!(
                color,
                Some(Color::Red | Color::LightRed | Color::Green | Color::LightGreen)
            )
        };
        for meaning in Meaning::ALL {
            assert!(
                !of_eyes(Palette::Deuteranopia.style(meaning).fg),
                "{meaning:?}"
            );
            assert_eq!(Palette::Mono.style(meaning).fg, None, "{meaning:?}");
        }
        for palette in PALETTES {
            let looks = [Meaning::Ok, Meaning::Warning, Meaning::Bad].map(|one| palette.style(one));
            assert!(looks[0] != looks[1] && looks[1] != looks[2] && looks[0] != looks[2]);
        }
    }

    #[test]
    fn the_environment_decides() {
        let theme = |given: &[(&str, &str)], palette, ascii| {
            let find = |name: &str| {
                let found = given.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            let theme = Theme::from_environment(find, palette, ascii);
            (theme.palette, theme.glyphs == ASCII)
        };
        let utf = ("LANG", "en_US.UTF-8");
        assert_eq!(theme(&[utf], None, false), (Palette::Ansi, false));
        assert_eq!(theme(&[utf], None, true), (Palette::Ansi, true));
        assert_eq!(theme(&[], None, false), (Palette::Ansi, true));
        assert_eq!(
            theme(&[utf, ("LC_ALL", "C")], None, false),
            (Palette::Ansi, true)
        );
        let deut = Some(Palette::Deuteranopia);
        assert_eq!(theme(&[utf], deut, false), (Palette::Deuteranopia, false));
        assert_eq!(
            theme(&[utf, ("NO_COLOR", "1")], deut, false),
            (Palette::Mono, false)
        );
        assert_eq!(
            theme(&[utf, ("TERM", "dumb")], None, false),
            (Palette::Mono, true)
        );
    }

    #[test]
    fn glyphs_of_ascii_are_ascii() {
        let all = [
            ASCII.ok,
            ASCII.warning,
            ASCII.bad,
            ASCII.left,
            ASCII.more,
            ASCII.bar,
        ];
        assert!(
            all.iter()
                .chain(&ASCII.spark)
                .chain(&ASCII.arrows)
                .all(|text| text.is_ascii())
        );
    }
}
