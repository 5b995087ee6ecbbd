# Completion of styxy for fish. It asks the program what fits, so that it stays right after an upgrade.

function __styxy_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l lines (command styxy complete fish (count $words) -- $words "$current" 2>/dev/null)
    switch "$lines[1]"
        case \tfolders
            __fish_complete_directories (string replace -r '^--[^=]*=' '' -- "$current")
        case \tfiles
            __fish_complete_path (string replace -r '^--[^=]*=' '' -- "$current")
        case \t'*'
            # The command that styxy runs has completions of its own.
            set -l from (math (string sub -s 2 -- $lines[1]) + 1)
            set -l rest (string escape -- $words[$from..-1]) $current
            if test $from -gt (count $words)
                set rest $current
            end
            complete -C (string join ' ' -- $rest)
        case '*'
            string join \n -- $lines
    end
end

complete -c styxy -e
complete -k -c styxy -f -a '(__styxy_complete)'
