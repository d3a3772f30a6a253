#!/bin/sh
# examples/plugin-test.sh HOST PLUGIN: have the host do a task with the plug-in. From a folder of its own, since a plug-in that
# others may write to is refused, as build folders may be.
set -eu

umask 022
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
plugin=$scratch/plugin.${2##*.}
cp "$2" "$plugin"
chmod 755 "$plugin"

# What is for another system has what runs it before it.
set -f
# shellcheck disable=SC2086 # a list of arguments
set -- ${MESON_EXE_WRAPPER:-} "$1"
"$@" "$plugin" update 5
if "$@" "$plugin" something-else; then
    echo "a label that the plug-in doesn't know was done" >&2
    exit 1
fi
