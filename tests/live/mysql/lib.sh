# A private MariaDB server: started by mariadb_start in the folder $scratch, on
# a unix socket alone, stopped by mariadb_stop. Sourced.
# shellcheck shell=bash disable=SC2154

mariadb_pid=
mariadb_socket=
mariadb_extra=() # further options of the server

# Every later "until" waits for what another process makes true.
wait_for() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        ((SECONDS > deadline)) && return 1
        read -rt 0.05 <> <(:) || :
    done
}

# client ARGS...: the mariadb client as the server's root.
client() {
    mariadb --no-defaults --socket="$mariadb_socket" --user=root \
        --default-character-set=utf8mb4 --batch --skip-column-names "$@"
}

mariadb_up() {
    kill -0 "$mariadb_pid" && client -e 'select 1'
}

# A server that starts removes the temporary tables it finds in its TMPDIR, also
# those of another one that runs.
#
# No grants: whoever reaches the socket, in a folder of mode 0700, is root.
mariadb_launch() {
    local user=()
    [[ $(id -u) == 0 ]] && user=(--user=root)
    TMPDIR=$scratch mariadbd --no-defaults "${user[@]}" --datadir="$scratch/mariadb" \
        --socket="$mariadb_socket" --pid-file="$scratch/mariadb.pid" \
        --skip-networking --skip-grant-tables --skip-log-bin \
        --innodb-buffer-pool-size=32M --innodb-log-file-size=16M \
        "${mariadb_extra[@]}" --log-error="$scratch/mariadb.log" >/dev/null 2>&1 &
    mariadb_pid=$!
    if ! wait_for 30 mariadb_up; then
        cat "$scratch/mariadb.log" >&2
        return 1
    fi
}

# The server's empty data, in $scratch/mariadb.
mariadb_install() {
    local user=()
    [[ $(id -u) == 0 ]] && user=(--user=root)
    TMPDIR=$scratch mariadb-install-db --no-defaults \
        --force "${user[@]}" \
        --datadir="$scratch/mariadb" --skip-test-db \
        --auth-root-authentication-method=normal \
        --innodb-log-file-size=16M >"$scratch/install.log" 2>&1 || {
        cat "$scratch/install.log" >&2
        return 1
    }
}

mariadb_start() {
    mariadb_socket=$scratch/mariadb.sock
    mariadb_install && mariadb_launch
}

mariadb_stop() {
    [[ $mariadb_pid ]] || return 0
    kill "$mariadb_pid" 2>/dev/null
    wait "$mariadb_pid" 2>/dev/null
    mariadb_pid=
}
