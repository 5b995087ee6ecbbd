#compdef styxy
# Completion of styxy for zsh. It asks the program what fits, so that it stays right after an upgrade.

_styxy() {
    local -a lines
    local from
    lines=("${(@f)$(command styxy complete zsh $((CURRENT - 1)) -- "${(@Q)words[1,CURRENT-1]}" "$PREFIX" 2>/dev/null)}")
    # An option and its value in one word: only the value is completed.
    if [[ $PREFIX == --*=* ]]; then
        compset -P '*='
        lines=("${(@)lines#--*=}")
    fi
    case $lines[1] in
        ('') return 1 ;;
        ($'\tfolders') _files -/ ;;
        ($'\tfiles') _files ;;
        ($'\twords')
            # Command lines: what must be quoted in them is.
            shift lines
            _describe -V styxy lines -Q ;;
        ($'\t'*)
            # The command that styxy runs has completions of its own.
            from=$((${lines[1]#?} + 1))
            words=("${(@)words[from,-1]}")
            ((CURRENT -= from - 1))
            _normal
            ;;
        (*) _describe -V styxy lines ;;
    esac
}

if [[ $funcstack[1] == _styxy ]]; then
    _styxy "$@"
else
    compdef _styxy styxy
fi
