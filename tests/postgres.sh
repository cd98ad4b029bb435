#!/usr/bin/env bash
# Runs a command beside a PostgreSQL server of its own, and stops that server again:
#
#     tests/postgres.sh cargo test --test it
#
# The server lives in a new temporary folder, listens on a Unix socket there and nowhere else, and
# forgets durability. The command finds it through TEST_POSTGRES_URL. A server that was already
# running on this machine is neither used nor touched.
#
# `tests/postgres.sh --bindir` only prints the folder of the server programs that would be used.
# PGBIN names another one, to try a second PostgreSQL version.
set -euo pipefail

die() {
    printf 'tests/postgres.sh: %s\n' "$*" >&2
    exit 1
}

is_bindir() {
    [ -x "$1/initdb" ] && [ -x "$1/pg_ctl" ] && [ -x "$1/postgres" ]
}

# Debian keeps each version's server programs below /usr/lib/postgresql; what stands in PATH may be a
# wrapper, so it comes last.
find_bindir() {
    local dir
    if [ -n "${PGBIN:-}" ]; then
        is_bindir "$PGBIN" || die "PGBIN=$PGBIN holds no initdb, pg_ctl and postgres"
        printf '%s\n' "$PGBIN"
        return
    fi
    while IFS= read -r dir; do
        if is_bindir "$dir"; then
            printf '%s\n' "$dir"
            return
        fi
    done < <(printf '%s\n' /usr/lib/postgresql/*/bin | sort --version-sort --reverse)
    for dir in "$(pg_config --bindir 2>/dev/null || true)" "$(dirname "$(command -v initdb || echo /)")"; do
        if is_bindir "$dir"; then
            printf '%s\n' "$dir"
            return
        fi
    done
    return 1
}

# PostgreSQL refuses to run as root, so root hands the server to another user.
if [ "$(id -u)" -eq 0 ]; then
    server_user=postgres
    id "$server_user" >/dev/null 2>&1 || server_user=nobody
else
    server_user=
fi
as_server_user() {
    if [ -n "$server_user" ]; then
        setpriv --reuid="$server_user" --regid="$(id -g "$server_user")" --clear-groups "$@"
    else
        "$@"
    fi
}

# A socket's path must stay below 108 bytes, and the server's user must be able to enter the folder:
# where the caller's TMPDIR offers neither, /tmp does.
make_folder() {
    local base dir
    for base in "${TMPDIR:-/tmp}" /tmp; do
        [ "${#base}" -le 60 ] || continue
        dir=$(mktemp -d "${base%/}/sekisho-pg.XXXXXX") || continue
        [ -z "$server_user" ] || chown "$server_user": "$dir"
        if as_server_user test -w "$dir"; then
            printf '%s\n' "$dir"
            return
        fi
        rmdir "$dir"
    done
    return 1
}

# The EXIT trap: stops the server of this run's own folder, whatever state the start reached.
clean_up() {
    local status=$?
    trap - EXIT INT TERM HUP
    if [ -s "$folder/data/postmaster.pid" ]; then
        as_server_user "$bindir/pg_ctl" -D "$folder/data" -m immediate -w -s stop ||
            printf 'tests/postgres.sh: the server in %s did not stop\n' "$folder" >&2
    fi
    rm -rf "$folder"
    exit "$status"
}

start_server() {
    if ! as_server_user "$bindir/initdb" -D "$folder/data" -U hub -A trust --no-sync \
        -E UTF8 --locale=C.UTF-8 >"$folder/initdb.log" 2>&1; then
        cat "$folder/initdb.log" >&2
        die "initdb failed: no PostgreSQL, so the tests would prove nothing about it"
    fi
    # Durability off: the data is thrown away. Connections up: every test opens pools of its own.
    if ! as_server_user "$bindir/pg_ctl" -D "$folder/data" -w -s -t 60 -l "$folder/data/server.log" \
        -o "-c listen_addresses='' -c unix_socket_directories='$folder' -c max_connections=300" \
        -o "-c fsync=off -c synchronous_commit=off -c full_page_writes=off" start; then
        tail -n 40 "$folder/data/server.log" >&2 || true
        die "PostgreSQL did not start; its log, if it came to one, stands above"
    fi
}

if [ "${1:-}" = --bindir ]; then
    find_bindir
    exit
fi
[ "$#" -gt 0 ] || die "say which command to run beside PostgreSQL"

bindir=$(find_bindir) ||
    die "no usable PostgreSQL server on this machine; tests/run installs one (Debian: apt-get install postgresql)"
# Settings meant for some other server (PGHOST, PGPORT, …) must not reach this one or the tests.
unset "${!PG@}"

folder=$(make_folder) || die "no temporary folder that PostgreSQL can use; set TMPDIR to a short path"
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# The server's user may not be able to enter the caller's folder.
start=$PWD
cd "$folder"
start_server
cd "$start"

export TEST_POSTGRES_URL="postgres:///postgres?host=$folder&user=hub"
printf 'PostgreSQL %s for this run: %s\n' "$("$bindir/postgres" --version | sed 's/^[^0-9]*//')" "$TEST_POSTGRES_URL"
"$@"
