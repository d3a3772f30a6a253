#!/bin/sh
# amalgamate.sh OUTPUT_DIR WORK_DIR MAKE SOURCE_DIR: make sqlite3.c and sqlite3.h with the makefile of SQLite.
# The tools that it builds on the way run here, so the compiler is this machine's whatever meson compiles for.
set -eu
unset CC CFLAGS CPPFLAGS LDFLAGS MAKEFLAGS MAKELEVEL MFLAGS

output=$(cd "$1" && pwd)
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
