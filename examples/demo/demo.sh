#!/bin/sh
# SPDX-License-Identifier: MIT
# A schedule of real commands, run in a store of its own. Usage: demo.sh BUILD_DIR
set -u
build=$(cd "${1:?the build directory}" && pwd) || exit 1
here=$(cd "$(dirname "$0")" && pwd)
rdvtask=$build/cli/rdvtask
dir=$(mktemp -d) || exit 1
machine=
trap '[ -z "$machine" ] || kill -KILL "$machine" 2>"$dir/killed"; rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
store=$dir/store.db
cd "$here" || exit 1
# As root, rdvtask refuses a document that another user may write to, and a checkout may be such a
# place, so agent.json is copied.
umask 022
# The tasks sleep for a time that is this script's own, so that no other process is taken for theirs.
agent=$dir/agent.json
sed "s/98765/98765.$$/g" agent.json >"$agent" || exit 1

bold='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$(printf '\033[1m') plain=$(printf '\033[0m')
fi
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
fail() { echo "demo: $*" >&2; exit 1; }

say "1. A schedule is checked, then recorded: whole or not at all, and durably."
"$rdvtask" validate "$agent" schedule.json || fail "the documents are not right"
"$rdvtask" schedule schedule.json --store "$store" || fail "the schedule could not be recorded"

say "2. It is run: earliest deadline first, whatever the order in the file. One window has passed, one opens
   in some seconds, one command fails, one says 'try again later', one hangs with all its children. One would
   go on for ever: a second process asks the running one to cancel it, through its socket."
cancel_from_elsewhere() {
    tries=0
    # If no agent is running yet, the verb itself holds the store for a moment, just when the agent
    # wants it.
    until [ -S "$store.sock" ] && "$rdvtask" explain cancelled --json --store "$store" 2>&1 | grep -q '"why":"running"'; do
        tries=$((tries + 1))
        [ $tries -lt 300 ] || return 1
        sleep 0.2
    done
    "$rdvtask" cancel cancelled --store "$store"
}
cancel_from_elsewhere >"$dir/second" 2>&1 &
second=$!
"$rdvtask" run --once --config "$agent" --store "$store" --clock-wait 0
[ $? -eq 1 ] || fail "four tasks were meant not to succeed"
wait $second || fail "the second process could not cancel: $(cat "$dir/second")"
echo "The second process printed: $(cat "$dir/second")"

! grep -qsz "^98765\.$$\$" /proc/[0-9]*/cmdline || fail "processes of the task that hung are left"

say "3. A C function does one more task, in a program of its own, on the same store."
"$build/examples/demo-callback" "$store" || fail "the C function's task did not succeed"

say "4. A reboot is rehearsed, and this script plays the machine: a step says that it needs a reboot, the agent
   has one begun, and is killed in it. After the boot another agent goes on with the next step."
echo "boot 1" >"$dir/boot-id"
"$rdvtask" schedule reboots 10-reboots --store "$store" || fail "the task could not be recorded"
"$rdvtask" run --config "$agent" --store "$store" --clock-wait 0 --boot-id-file "$dir/boot-id" >"$dir/before" 2>&1 &
machine=$!
tries=0
until [ -e "$dir/going-down" ] || [ $tries -eq 300 ]; do
    tries=$((tries + 1))
    sleep 0.2
done
kill -KILL "$machine"
wait "$machine" 2>"$dir/killed"
machine=
cat "$dir/before"
[ -e "$dir/going-down" ] || fail "no reboot was asked for"
echo "   ... it goes down, and comes up again ..."
echo "boot 2" >"$dir/boot-id"
"$rdvtask" run --once --config "$agent" --store "$store" --clock-wait 0 --boot-id-file "$dir/boot-id" ||
    fail "the task did not go on after the reboot"

say "5. Why did one fail? Each report is in the history, and what the command printed."
"$rdvtask" show 5-fails --store "$store"

say "6. The outcomes, in the order in which they came:"
"$rdvtask" history --store "$store"

# Nothing above is just for show: check that everything came out as it must.
outcomes=$("$rdvtask" history --json --store "$store" |
    sed -n 's/.*"identifier":"\([^"]*\)".*"outcome":"\([^"]*\)".*/\1=\2/p' | tr '\n' ' ')
for expected in 1-first-deadline=succeeded 2-second-deadline=succeeded 3-two-steps=succeeded \
    4-context=succeeded 5-fails=failed 6-tries-again=succeeded 7-process-tree=failed \
    8-last-deadline=succeeded 9-in-c=succeeded 10-reboots=succeeded opens-later=succeeded window-passed=expired \
    cancelled=cancelled; do
    case " $outcomes" in
    *" $expected "*) ;;
    *) fail "expected $expected, and got $outcomes" ;;
    esac
done

say "What to try next:"
cat <<END
  mine=\$(mktemp -d) && install -m 600 $here/agent.json \$mine     # a document that others may write to is refused
  $rdvtask start kernel --config \$mine/agent.json --store \$mine/store.db
  $rdvtask help run
  sudo RDVTASK=$rdvtask $(dirname "$here")/debian-upgrade/run.sh
  $(dirname "$here")/embed.c shows the same from C, in sixty lines
END
