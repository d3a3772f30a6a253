#!/bin/sh
# SPDX-License-Identifier: MIT
# Run this example for real, and check what comes out. Exit code 77 means that it was skipped.
set -eu
: "${RDVTASK:?the path of the program}"
here=$(cd "$(dirname "$0")" && pwd)

skip() { echo "SKIP: debian-upgrade: $1"; exit 77; }
fail() { echo "FAIL: $1" >&2; exit 1; }

command -v apt-get >/dev/null || skip "there is no apt-get here"
[ "$(id -u)" -eq 0 ] || skip "apt-get update needs root"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
skip_without_mirror() {
    apt-get update >"$dir/update" 2>&1 || skip "apt-get update fails by itself: $(tail -n 1 "$dir/update")"
}

# Run a copy, since as root rdvtask refuses files in a folder that another user may write to, and a
# checkout may be one.
umask 022
cp -R "$here" "$dir/example"
"$dir/example/run.sh" --store "$dir/store.db" --clock-wait 0 --json >"$dir/out" 2>"$dir/err" || {
    skip_without_mirror
    cat "$dir/out" "$dir/err" >&2
    "$RDVTASK" show nightly --store "$dir/store.db" >&2 || :
    fail "the schedule did not succeed"
}
for status in searching downloading applying success; do
    grep -q "\"status\":\"$status\"" "$dir/out" || fail "no report with the status $status"
done
grep -q '"progress":[0-9]' "$dir/out" || fail "no progress came through descriptor 3"
"$RDVTASK" history nightly --json --store "$dir/store.db" >"$dir/history"
grep -q '"outcome":"succeeded"' "$dir/history" || fail "the history has no success"
"$RDVTASK" show nightly --store "$dir/store.db" | grep -q '^  | .' ||
    fail "the output was not captured"
echo "ok: $(grep -c . "$dir/out") changes, from searching to success"
