#!/bin/sh
# examples/plugin-test.sh HOST PLUGIN: have the host do a task with the plug-in. From a folder of its own, since a plug-in that
# others may write to is refused, as build folders may be.
set -eu

umask 022
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cp "$2" "$scratch/plugin.so"
chmod 755 "$scratch/plugin.so"

"$1" "$scratch/plugin.so" update 5
if "$1" "$scratch/plugin.so" something-else; then
    echo "a label that the plug-in doesn't know was done" >&2
    exit 1
fi
