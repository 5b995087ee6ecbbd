#!/bin/bash
# One command in a world of its own: namespaces of pids, mounts and networks, real tools, and servers that can be ended.
#
#   world.sh PROGRAM FOLDER bare|blocked|guarded others|own COMMAND-FILE
#
# FOLDER becomes /tmp. In /tmp/home are the worktrees shop and shop-fix of one repository; the command runs in shop-fix. With
# `others` the servers on 3000, 3001, 5173 and 8000 are of shop, and one on 8007 is of shop-fix; with `own` all are of shop-fix.
# `blocked` is bare with servers that block every signal that can be blocked: what arrived at them is what the command signals, also
# where it ends nobody. It prints one line of JSON: which servers were ended or stopped, which were signalled (of `blocked` alone), what
# was said, how much the guard refused, and on which ports. What is said of Styxy's daemon, which a bare world does not have, is left out.
set -u
program=$1 folder=$2 guard=$3 whose=$4 command=$5
ip link set lo up
mount --bind "$folder" /tmp || exit 9
export HOME=/tmp/home STYXY_HOME=/tmp/home/.styxy XDG_RUNTIME_DIR=/tmp/run USER=root LC_ALL=C PORT=8007
export npm_config_offline=true npm_config_fetch_retries=0 npm_config_update_notifier=false TMUX_TMPDIR=/tmp/run
unset BASH_ENV LD_PRELOAD TMUX
cd /tmp/home || exit 9

declare -A pids
blocks=
[ "$guard" = blocked ] && blocks=1
# The server of PORT in FOLDER, with this command line; by a copy of perl whose name is the first word.
serve() {
  local port=$1 tool=$3
  cd "$2" || exit 9
  SERVE=$port TITLE=${TITLE-} BLOCKS=$blocks bash -c 'exec -a "$1" "/tmp/tools/$1" "${@:2}"' - "${@:3}" </dev/null >/dev/null 2>&1 &
  pids[$port]=$!
  cd /tmp/home || exit 9
}
theirs=/tmp/home/shop
[ "$whose" = own ] && theirs=/tmp/home/shop-fix
echo 4241 >/proc/sys/kernel/ns_last_pid 2>/dev/null
serve 3000 "$theirs" node server.js
TITLE='next-server (v16.4.6)' serve 3001 "$theirs" node next.js
serve 5173 "$theirs" node node_modules/.bin/vite --port 5173 --strictPort
serve 8000 "$theirs" python3 fake/uvicorn main:app --port 8000
[ "$whose" = others ] && serve 8007 /tmp/home/shop-fix node server.js
for port in "${!pids[@]}"; do
  until (: >"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do kill -0 "${pids[$port]}" || exit 8; sleep 0.02; done
done

cd /tmp/home/shop-fix || exit 9
if [ "$guard" = guarded ]; then
  "$program" daemon start >/dev/null 2>/tmp/start.log || { cat /tmp/start.log >&2; exit 7; }
  # The shell that runs the command is the agent's: a program of its own, not this one, which is above all servers.
  setsid timeout -k 1 8 bash -c 'eval "$("$1" guard env)"; . "$2"' - "$program" "$command" </dev/null >/tmp/out.log 2>&1
else
  setsid timeout -k 1 8 bash -c '. "$1"' - "$command" </dev/null >/tmp/out.log 2>&1
fi
code=$?
# A signal that was sent has arrived by then.
sleep 0.15
ended= signalled=
for port in "${!pids[@]}"; do
  state=$(sed 's/.*) //' "/proc/${pids[$port]}/stat" 2>/dev/null)
  case $state in [RSD]*) ;; *) ended="$ended${ended:+,}$port" ;; esac
  pending=$(awk '/^(Sig|Shd)Pnd/ { printf "%s", $2 }' "/proc/${pids[$port]}/status" 2>/dev/null)
  case $pending in *[!0]*) signalled="$signalled${signalled:+,}$port" ;; esac
done
words=$(grep -a '^styxy: ' /tmp/out.log | grep -vc "is Styxy's daemon")
refused=0 named=
[ "$guard" = guarded ] &&
  curl -s --max-time 3 --unix-socket "$STYXY_HOME/styxy.sock" http://localhost/refusals >/tmp/refusals &&
  refused=$(grep -o '"message":"styxy: not signalled[^"]*' /tmp/refusals | grep -vc "is Styxy's daemon")
[ -s /tmp/refusals ] &&
  named=$(grep -o 'styxy kill [0-9]* --force' /tmp/refusals | grep -o '[0-9]*' | sort -u | paste -sd,)
echo "{\"ended\":[$ended],\"signalled\":[$signalled],\"words\":$words,\"refused\":$refused,\"named\":[$named],\"code\":$code}"
