# Completion of styxy for PowerShell. It asks the program what fits, so that it stays right after an upgrade.

Register-ArgumentCompleter -Native -CommandName styxy -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $before = @($commandAst.CommandElements |
        Where-Object { $_.Extent.EndOffset -lt $cursorPosition } |
        ForEach-Object { $_.ToString() })
    $lines = @(& styxy complete powershell $before.Count -- $before $wordToComplete 2>$null)
    foreach ($line in $lines) {
        # Command lines follow: what must be quoted in them is.
        if ($line -eq "`twords") { continue }
        # A line that begins with a tab says that PowerShell knows better: files, or the command that styxy runs.
        if ($line.StartsWith("`t")) { break }
        $value, $help = $line -split "`t", 2
        if (-not $help) { $help = $value }
        [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $help)
    }
}
