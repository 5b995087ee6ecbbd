#!/bin/sh
# Stands for the styxy binary in tests: runs `fake::daemon` of the test binary that $STYXY_HOME/test-binary names. Its
# handshake goes to descriptor 3, since the test harness writes to standard output too.
[ "$*" = "daemon run --detached" ] || exit 64
exec 3>&1 >/dev/null
exec "$(cat "$STYXY_HOME/test-binary")" --exact fake::daemon --ignored --nocapture --test-threads=1
