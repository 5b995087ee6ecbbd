//! The file that shells read: the variables of the guard, and `kill` as a function, for a shell's own `kill` needs no program.

use std::path::{Path, PathBuf};

use super::{Cannot, files};
use crate::say::shell_word::in_quotes;

/// Its name in the guard's folder.
pub(super) const FILE: &str = "env.bash";
/// Names the file that `BASH_ENV` named before: ours reads it.
pub(super) const USERS: &str = "STYXY_BASH_ENV";
/// The shell that has the function, by its pid.
pub(super) const FUNCTION: &str = "STYXY_GUARD_SHELL";

/// What the file names.
pub(super) struct Names<'n> {
    pub(super) library: &'n Path,
    pub(super) shims: &'n Path,
    pub(super) socket: &'n Path,
}

pub(super) fn install(folder: &Path, names: &Names) -> Result<PathBuf, Cannot> {
    let path = folder.join(FILE);
    files::write(&path, text(&path, names).as_bytes())?;
    Ok(path)
}

/// Reading it twice is reading it once. Only bash and zsh have `builtin`, so that others get no function.
fn text(path: &Path, names: &Names) -> String {
    let quoted = |path: &Path| in_quotes(&path.to_string_lossy());
    let text = TEXT.replace("@VERSION", env!("CARGO_PKG_VERSION"));
    let text = text.replace("@FILE", &quoted(path)).replace("@LIBRARY", &quoted(names.library));
    text.replace("@SHIMS", &quoted(names.shims)).replace("@SOCKET", &quoted(names.socket))
}

/// A file of the user's own is read as bash reads that of `BASH_ENV`: after expansions as in double quotes, and of `~`, and not looked
/// for in `PATH`. A function with words that begin with % is left to the shell: only it knows its jobs. With STYXY=off the program is used: the
/// library in this very shell was loaded before that was set.
const TEXT: &str = r#"# The guard of Styxy @VERSION, for bash and zsh; see: styxy guard status. It is written again when it is needed.
if [ "${STYXY-}" != off ] && [ "${STYXY_GUARD-}" != off ] && [ -x @SHIMS/kill-judge ]; then
  case ":${PATH-}:" in ::|*:@SHIMS:*) ;; *) export PATH=@SHIMS:"$PATH" ;; esac
  if [ -r @LIBRARY ]; then
    case ":${LD_PRELOAD-}:" in *:@LIBRARY:*) ;; *) export LD_PRELOAD=@LIBRARY"${LD_PRELOAD:+:$LD_PRELOAD}" ;; esac
    case "${ASAN_OPTIONS-}" in
    *verify_asan_link_order*) ;;
    *) export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0" ;;
    esac
  fi
  export STYXY_GUARD_SOCKET=@SOCKET
  if [ "${BASH_ENV-}" != @FILE ]; then
    case "${BASH_ENV-}" in ''|*/guard/env.bash|*-guard/env.bash) ;; *) export STYXY_BASH_ENV="$BASH_ENV" ;; esac
    export BASH_ENV=@FILE
  elif [ -n "${STYXY_BASH_ENV-}" ] && [ -z "${styxyRead-}" ]; then
    styxyRead=1
    styxyFile=$STYXY_BASH_ENV
    case "$styxyFile" in *[\$\`]*) eval "IFS= read -r styxyFile <<styxyEnd
$styxyFile
styxyEnd" ;; esac
    case "$styxyFile" in '~/'*) styxyFile=${HOME-}/${styxyFile#??} ;; /*) ;; *) styxyFile=./$styxyFile ;; esac
    if [ -f "$styxyFile" ] && [ -r "$styxyFile" ]; then . "$styxyFile"; fi
    unset styxyFile
  fi
  if [ -n "${BASH_VERSION-}${ZSH_VERSION-}" ]; then
    export STYXY_GUARD_SHELL="$$"
    kill() {
      case "${STYXY-}:${STYXY_GUARD-}:$*" in
      *%*) builtin kill "$@" ;;
      off:*|*:off:*) if [ -x @SHIMS/kill ]; then @SHIMS/kill "$@"; else builtin kill "$@"; fi ;;
      *) if [ -x @SHIMS/kill-judge ]; then @SHIMS/kill-judge "$@" && builtin kill "$@"; else builtin kill "$@"; fi ;;
      esac
    }
  fi
fi
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_with_blanks_and_apostrophes_are_quoted() {
        let names =
            Names { library: Path::new("/a b/l.so"), shims: Path::new("/it's"), socket: Path::new("/s") };
        let text = text(Path::new("/f"), &names);
        assert!(text.contains(r"export PATH='/it'\''s':") && text.contains("[ -r '/a b/l.so' ]"), "{text}");
        assert!(!text.contains('@') || !text.contains("@SHIMS"), "{text}");
    }
}
