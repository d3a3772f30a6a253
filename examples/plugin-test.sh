#!/bin/sh
# examples/plugin-test.sh HOST PLUGIN: have the host do a task with the plug-in. The plug-in is copied
# to a folder of its own, since it would be refused in a build folder that others may write to.
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
