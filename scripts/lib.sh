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

# quietly WORDS COMMAND...: run the command without showing its output, unless it fails.
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

# use_archive FOLDER deb-src, or FOLDER deb ARCHITECTURE: switch on the distribution's own archive in a
# private copy of apt's set-up in FOLDER, and fetch its list; private_apt_get then uses that copy. The
# machine's own set-up and lists are only read. Sources of third parties are told apart by their suites
# or components.
use_archive()
{
    apt_scratch=$1
    mkdir -p "$apt_scratch/lists/partial" "$apt_scratch/cache/archives/partial"
    archive_codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    [ -n "$archive_codename" ] || die "/etc/os-release has no VERSION_CODENAME, so the distribution's own
archive can't be told from others."
    archive_keyrings=$(find /usr/share/keyrings \( -name 'debian-archive-keyring.*' -o -name ubuntu-archive-keyring.gpg \) |
        sort | paste -s -d , -)
    archive_options="${archive_keyrings:+signed-by=$archive_keyrings }${3:+arch=$3}"
    # shellcheck disable=SC2016 # the $(...) are apt's own fields
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        sort -u | while read -r uri release component; do
        case $release/$component in
        "$archive_codename"/main | "$archive_codename"/universe)
            echo "$2 ${archive_options:+[$archive_options] }$uri $release $component"
            ;;
        esac
    done >"$apt_scratch/sources.list"
    [ -s "$apt_scratch/sources.list" ] || die "apt's configuration has no source for '$archive_codename'."
    quietly "Reading the list of packages" private_apt_get update
}

private_apt_get()
{
    apt-get -q -o Dir::Etc::SourceList="$apt_scratch/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State::Lists="$apt_scratch/lists" -o Dir::Cache="$apt_scratch/cache" \
        -o APT::Sandbox::User="$(id -un)" -o APT::Get::List-Cleanup=0 "$@"
}
