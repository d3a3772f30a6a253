# Shared by the scripts beside it: . "$root/scripts/lib.sh"
# shellcheck shell=sh

say()
{
    printf '%s\n' "$*"
}

warn()
{
    printf '%s\n' "$*" >&2
}

die()
{
    warn "$*"
    exit 1
}

# quietly WORDS COMMAND...: run the command with its output kept back, and show that only if it fails.
quietly()
{
    quietly_words=$1
    shift
    quietly_log=$(mktemp)
    printf '%s ... ' "$quietly_words"
    if "$@" >"$quietly_log" 2>&1 </dev/null; then
        say "done"
        rm -f "$quietly_log"
    else
        quietly_status=$?
        say "failed"
        cat "$quietly_log" >&2
        rm -f "$quietly_log"
        warn "$quietly_words: failed with exit status $quietly_status. The command was: $*"
        return "$quietly_status"
    fi
}
