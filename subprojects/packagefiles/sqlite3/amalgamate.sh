#!/bin/sh
# amalgamate.sh OUTPUT_DIR WORK_DIR MAKE SOURCE_DIR: make sqlite3.c and sqlite3.h with the makefile of SQLite.
# The tools that it builds on the way run here, so the compiler is this machine's whatever meson compiles for. The two files are
# the same for every system, so they stay beside the source, if it can be written to, for the next build folder.
set -eu
unset CC CFLAGS CPPFLAGS LDFLAGS MAKEFLAGS MAKELEVEL MFLAGS

output=$(cd "$1" && pwd)
made=$4/amalgamation
if [ -d "$made" ]; then
    cp "$made/sqlite3.c" "$made/sqlite3.h" "$output"
    exit 0
fi

mkdir -p "$2"
cd "$2"
log=$output/amalgamation.log
{
    "$4/configure" --disable-readline --disable-tcl
    "$3" sqlite3.c sqlite3.h
} >"$log" 2>&1 || {
    cat "$log" >&2
    exit 1
}
cp sqlite3.c sqlite3.h "$output"

# Whole or not at all, also with two builds at a time.
share=$made.$$
{
    mkdir "$share" && cp sqlite3.c sqlite3.h "$share" && mv -T "$share" "$made"
} 2>/dev/null || rm -rf "$share"
