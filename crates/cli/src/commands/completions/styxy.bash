# Completion of styxy for bash. It asks the program what fits, so that it stays right after an upgrade.

_styxy() {
    local cur=$2 at word line n=0 words=() starts=() typed=
    # Bash cuts words at "=", and an option with its value is one word.
    for ((at = 0; at <= COMP_CWORD; at++)); do
        word=${COMP_WORDS[at]}
        if ((at == COMP_CWORD)) && [[ $word != = ]]; then word=$cur; fi
        if ((n > 1)) && [[ ${words[n - 1]} == --* && ($word == = || ${COMP_WORDS[at - 1]} == =) ]]; then
            words[n - 1]+=$word
        else
            words[n]=$word starts[n]=$at
            n=$((n + 1))
        fi
    done
    COMPREPLY=()
    while IFS= read -r line; do
        case $line in
            $'\tfolders') compopt -o filenames 2>/dev/null; _styxy_lines compgen -d -- "${cur#=}"; return ;;
            $'\tfiles') compopt -o filenames 2>/dev/null; _styxy_lines compgen -f -- "${cur#=}"; return ;;
            # Command lines: what must be quoted in them is.
            $'\twords') typed=1; continue ;;
            $'\t'*) _styxy_command "${starts[${line#?}]}" "$cur"; _styxy_once; return ;;
        esac
        if [[ ${words[n - 1]} == --*=* ]]; then line=${line#*=}; fi
        # A script of package.json may be called anything.
        if [[ ! $typed && $line == *[!a-zA-Z0-9_./:@%+,=-]* ]]; then printf -v line %q "$line"; fi
        COMPREPLY+=("$line")
    done < <(command styxy complete bash $((n - 1)) -- "${words[@]}" 2>/dev/null)
}

_styxy_lines() {
    local line
    while IFS= read -r line; do COMPREPLY+=("$line"); done < <("$@")
}

# A program may be in several folders. Where bash does not sort, it does not leave out what is there twice either.
_styxy_once() {
    if ((${#COMPREPLY[@]} > 1)); then
        local all=("${COMPREPLY[@]}")
        COMPREPLY=()
        _styxy_lines awk '!seen[$0]++' < <(printf '%s\n' "${all[@]}")
    fi
}

# The command that styxy runs has completions of its own: those of bash-completion, or of any function for it.
_styxy_command() {
    local from=$1 spec
    if declare -F _comp_command_offset >/dev/null; then
        _comp_command_offset "$1"
    elif declare -F _command_offset >/dev/null; then
        _command_offset "$1"
    elif ((COMP_CWORD == from)); then
        _styxy_lines compgen -c -- "$2"
    elif spec=$(complete -p -- "${COMP_WORDS[from]}" 2>/dev/null) && [[ $spec =~ \ -F\ ([^ ]+) ]]; then
        COMP_WORDS=("${COMP_WORDS[@]:from}") COMP_CWORD=$((COMP_CWORD - from))
        COMP_LINE="${COMP_WORDS[*]}" COMP_POINT=${#COMP_LINE}
        "${BASH_REMATCH[1]}" "${COMP_WORDS[0]}" "$2" "${COMP_WORDS[COMP_CWORD - 1]}"
    else
        compopt -o default 2>/dev/null
    fi
}

complete -o nosort -F _styxy styxy 2>/dev/null || complete -F _styxy styxy
