//! What a shell runs to ask this binary: one function a shell.

/// A shell that completion knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Shell {
    /// GNU bash.
    Bash,
    /// zsh.
    Zsh,
    /// fish.
    Fish,
}

impl Shell {
    /// Every shell that completion knows.
    pub(crate) const ALL: [Self; 3] = [Self::Bash, Self::Zsh, Self::Fish];

    /// The shell of that name or path: `/usr/bin/zsh`.
    pub(crate) fn named(text: &str) -> Option<Self> {
        let name = text.rsplit('/').next().unwrap_or_default();
        Self::ALL.into_iter().find(|shell| shell.name() == name)
    }

    /// The shell's own name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
        }
    }
}

/// The commands that turn completion on in a running shell, for this program's name and for the one in `program`, which is
/// what they run to ask.
pub(crate) fn registration(shell: Shell, program: &str) -> String {
    let own = program.rsplit('/').next().unwrap_or_default();
    let mut names = vec!["consulctl".to_owned()];
    if !own.is_empty() && own != "consulctl" {
        names.push(quoted(shell, own));
    }
    let names = match shell {
        Shell::Fish => {
            let flags: Vec<String> = names
                .iter()
                .map(|name| format!("--command {name}"))
                .collect();
            flags.join(" ")
        }
        Shell::Bash | Shell::Zsh => names.join(" "),
    };
    let script = match shell {
        Shell::Bash => BASH,
        Shell::Zsh => ZSH,
        Shell::Fish => FISH,
    };
    let script = script.replace("NAMES", &names);
    script.replace("PROGRAM", &quoted(shell, program))
}

/// One word for the shell, whatever it holds.
pub(super) fn quoted(shell: Shell, word: &str) -> String {
    match shell {
        Shell::Fish => format!("'{}'", word.replace('\\', r"\\").replace('\'', r"\'")),
        _ => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// bash cuts words at `=`, `:` and `@`, so they are put together again from the line; what is offered is then only the
/// part behind the cut. Works from bash 3.2 on.
const BASH: &str = r#"_consulctl() {
    local line="${COMP_LINE:0:COMP_POINT}" piece="" value
    local -a words
    words=()
    for piece in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
        if [[ ${#words[@]} -eq 0 || $line == [[:space:]]* ]]; then
            line="${line#"${line%%[![:space:]]*}"}"
            words+=("")
        fi
        local length=${#piece}
        piece="${line:0:length}"
        words[${#words[@]}-1]+="$piece"
        line="${line:length}"
    done
    local current="${words[${#words[@]}-1]}"
    [[ $piece == *[!=:@]* ]] || piece=""
    local kept=$((${#current} - ${#piece}))
    COMPREPLY=()
    while IFS=$'\t' read -r value _; do
        [[ -n $value ]] || continue
        case $piece in
            \'*) value=${value//\'/\'\\\'\'} ;;
            \"*) value=${value//\\/\\\\} value=${value//\"/\\\"} value=${value//\$/\\\$} value=${value//\`/\\\`} ;;
            *) printf -v value '%q' "$value" ;;
        esac
        COMPREPLY+=("$value")
    done < <(COMPLETE=bash COMPLETE_KEPT=$kept PROGRAM -- "${words[@]}" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[/=] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -o nosort -o default -F _consulctl NAMES 2>/dev/null || complete -o default -F _consulctl NAMES
"#;

const ZSH: &str = r#"#compdef consulctl
_consulctl() {
    local line value shown
    local -a full full_shown open open_shown
    for line in "${(@f)$(COMPLETE=zsh PROGRAM -- "${(@Q)words[1,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}"; do
        [[ -n $line ]] || continue
        value=${line%%$'\t'*}
        shown=$value
        [[ $line == *$'\t'* ]] && shown="$value  -- ${line#*$'\t'}"
        if [[ $value == *[/=] ]]; then
            open+=("$value")
            open_shown+=("$shown")
        else
            full+=("$value")
            full_shown+=("$shown")
        fi
    done
    (( $#open )) && compadd -S '' -d open_shown -a open
    (( $#full )) && compadd -d full_shown -a full
    (( $#open + $#full )) || _default
}
if [[ $funcstack[1] == _consulctl ]]; then
    _consulctl "$@"
else
    (( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i }
    compdef _consulctl NAMES
fi
"#;

const FISH: &str = r#"complete NAMES --erase
complete NAMES --no-files --keep-order --arguments "(COMPLETE=fish PROGRAM -- (commandline --current-process --tokenize --cut-at-cursor) (commandline --current-token --cut-at-cursor) 2>/dev/null)"
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shells_are_known_by_name_and_path() {
        assert_eq!(Shell::named("/usr/bin/zsh"), Some(Shell::Zsh));
        assert_eq!(Shell::named("fish"), Some(Shell::Fish));
        assert_eq!(Shell::named("/bin/sh"), None);
    }

    #[test]
    fn the_program_is_quoted() {
        let text = registration(Shell::Bash, "/opt/o'neil/consulctl");
        assert!(text.contains(r" '/opt/o'\''neil/consulctl' --"));
        assert!(text.ends_with(" _consulctl consulctl\n"));
        let text = registration(Shell::Zsh, "/opt/consul");
        assert!(text.contains("compdef _consulctl consulctl 'consul'\n"));
        let text = registration(Shell::Fish, "/opt/o'neil/consulctl");
        assert!(text.contains(r"COMPLETE=fish '/opt/o\'neil/consulctl' --"));
    }
}
