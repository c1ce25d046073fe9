#!/bin/sh
# Gathers what a support request needs into one archive and prints its path: versions, the state of the services, logs
# and statistics. Request data, tokens, secrets and keys are never touched.
#
# Usage: collect-info.sh [FOLDER]      the archive is made in FOLDER, the current one if left out

set -u
umask 077

fail() {
    echo "collect-info.sh: $1" >&2
    exit 1
}

target=${1:-.}
[ -d "$target" ] && [ -w "$target" ] || fail "$target is no folder that can be written to; name another one"
command -v tar >/dev/null || fail "tar is missing; install it"

work=$(mktemp -d) || fail "cannot make a temporary folder"
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

name=wallarm-info-$(date -u +%Y%m%dT%H%M%SZ)
info=$work/$name
mkdir "$info"

# note FILE COMMAND...: what the command prints, or why it could not, goes to FILE.
note() {
    file=$info/$1
    shift
    { echo "\$ $*"; "$@" 2>&1 || echo "(exit status $?)"; echo; } >>"$file"
}

note system.txt uname -srm
note system.txt cat /etc/os-release
note system.txt uptime
note system.txt df -h / /var
[ -r /proc/meminfo ] && note system.txt head -n 5 /proc/meminfo

if command -v dpkg-query >/dev/null; then
    note packages.txt dpkg --list 'wallarm-*' 'nginx*' 'libnginx-mod-*'
elif command -v rpm >/dev/null; then
    note packages.txt sh -c "rpm -qa 'wallarm-*' 'nginx*' | sort"
fi

if command -v systemctl >/dev/null; then
    note services.txt systemctl --no-pager --full --lines=0 status wallarm-tarantool.service
    note services.txt systemctl --no-pager show -p MemoryCurrent,NRestarts,ExecMainStartTimestamp wallarm-tarantool.service
fi

# The settings have no secrets: an arena size, addresses and paths.
[ -r ${settings}/wallarm-tarantool ] && note settings.txt cat ${settings}/wallarm-tarantool

if command -v wtarantool >/dev/null; then
    for call in export_delay timeframe_size dropped_before_export export_drops_flag last_request_id uptime; do
        note statistics.txt wtarantool -e "wallarm.stat.$call()"
    done
fi

if [ -d /var/log/wallarm ]; then
    mkdir "$info/log"
    for log in /var/log/wallarm/*.log; do
        # The end of each log is enough, and keeps the archive small.
        [ -r "$log" ] && tail -c 1048576 "$log" >"$info/log/${log##*/}"
    done
fi

archive=$target/$name.tar.gz
tar -C "$work" -czf "$archive" "$name" || { rm -f "$archive"; fail "cannot write $archive"; }
echo "$archive"
