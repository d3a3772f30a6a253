#!/bin/sh
# SPDX-License-Identifier: MIT
# Run the schedule once, as root. More options for rdvtask may be given, such as --json or --store FILE.
set -eu
cd "$(dirname "$0")"
exec "${RDVTASK:-rdvtask}" run --once --config agent.json schedule.json "$@"
