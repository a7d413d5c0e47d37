# The walk on a private MariaDB: the same services, only their data sources
# are others. Sourced by run where WALK_DB is mysql.
# shellcheck shell=bash disable=SC2034,SC2154

mariadb_start || exit 1

own_etc
for actor in user score product pay order cart aftersale; do
    client -e "create database mall_$actor"
    printf 'Mysql:\n  DataSource: "root@unix(%s)/mall_%s?%s"\n' \
        "$mariadb_socket" "$actor" \
        "charset=utf8mb4&parseTime=true&loc=Asia%2FShanghai" \
        >>"$scratch/etc/$actor.yaml"
done

# sql ACTOR STATEMENT: rows by the server's own client, laid out as sqlite3's.
sql() {
    client "mall_$1" -e "$2" | sed -e 's/NULL//g' -e 's/\t/|/g'
}
