# Helpers of the walk: each step prints what it asked, what came back and a
# tick or a cross. Expected answers are whole files in expected/; times, tokens
# and gids are replaced by words after they were checked. WALK_UPDATE=1 writes
# the files instead of comparing.
# shellcheck shell=bash disable=SC2034,SC2154,SC2016,SC2317

passed=0
failed=0
expected_dir=$walk_dir/expected

tick() {
    passed=$((passed + 1))
    printf '  \342\234\223 %s\n' "$1"
}

cross() {
    failed=$((failed + 1))
    printf '  \342\234\227 %s\n' "$1"
}

# Words for what differs from run to run.
normalise() {
    sed -E -e 's/\r$//' \
        -e 's/^Date: [A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT$/Date: DATE/' \
        -e 's/"accessToken":"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{43}"/"accessToken":"TOKEN"/' \
        -e 's/"(accessExpire|refreshAfter)":[0-9]{10}/"\1":SECONDS/g' \
        -e 's/^X-Saga-Gid: [A-Za-z0-9_-]+$/X-Saga-Gid: GID/' \
        -e 's/saga [A-Za-z0-9_-]{16,} is/saga GID is/' \
        -e 's/registration [A-Za-z0-9_-]{16,} is/registration GID is/'
}

# compare NAME FILE: the file against expected/NAME.
compare() {
    local want=$expected_dir/$1
    if [[ ${WALK_UPDATE:-} ]]; then
        cp "$2" "$want"
        tick "$1 (written)"
    elif diff -u "$want" "$2" >"$scratch/diff" 2>&1; then
        tick "$1"
    else
        cross "$1"
        sed 's/^/    /' "$scratch/diff"
    fi
}

# http NAME CURL_ARGS...: one request; the raw answer stays in $scratch/answer.
http() {
    local name=$1
    shift
    printf '> curl %s\n' "$*"
    curl -sS -i --max-time 20 -o "$scratch/answer" "$@" 2>"$scratch/curl" ||
        cat "$scratch/curl"
    normalise <"$scratch/answer" >"$scratch/normal"
    # A body need not end in a newline, a text file must.
    [[ -z $(tail -c 1 "$scratch/normal") ]] || echo >>"$scratch/normal"
    sed 's/^/  | /' "$scratch/normal"
    compare "$name.http" "$scratch/normal"
}

# command NAME STATUS CMD...: standard output and exit status.
command_is() {
    local name=$1 want=$2 status=0
    shift 2
    printf '> %s\n' "$*"
    "$@" >"$scratch/out" 2>"$scratch/err" || status=$?
    sed 's/^/  | /' "$scratch/out" "$scratch/err"
    if ((status != want)); then
        cross "$name: exit status $status, expected $want"
    elif [[ -f $expected_dir/$name.txt ]]; then
        compare "$name.txt" "$scratch/out"
    else
        tick "$name: exit status $status"
    fi
}

# is NAME GOT WANT
is() {
    if [[ $2 == "$3" ]]; then
        tick "$1: $2"
    else
        cross "$1: found '$2', expected '$3'"
    fi
}

# until NAME SECONDS CMD...: polls a condition that another process makes true.
until_true() {
    local name=$1 deadline=$((SECONDS + $2))
    shift 2
    until "$@" >/dev/null 2>&1; do
        if ((SECONDS > deadline)); then
            cross "$name: still not so"
            return 0
        fi
        # Nothing announces a line in a log or a row in a file.
        read -rt 0.05 <> <(:) || :
    done
    tick "$name"
}

# sql ACTOR STATEMENT: rows straight from the database file.
sql() {
    sqlite3 -batch -cmd '.timeout 5000' "$home/data/$1.db" "$2"
}

# How many lines of the logs speak of a bug.
reports() {
    cat "$home"/log/*.log | grep -cE 'Sanitizer|runtime error:|Assertion' || :
}

# mall TREE [SHOP]: the path of a topology with the actors of the tutorials
# alone, and those of the shop, as that tree ships them, whatever an author has
# added to its ops/troupe.yaml.
mall() {
    local actors="^(saga|user|score|user-api|search-api|edge${2:+|$2})\$"
    awk -v etc="$1/ops/etc/" -v actors="$actors" '
        !/^ / { keep = 1 }
        /^ +- Name:/ {
            keep = $3 ~ actors
        }
        keep { sub(/Config: etc\//, "Config: " etc); print }
    ' "$1/ops/troupe.yaml" >"$scratch/mall.yaml"
    echo "$scratch/mall.yaml"
}

# The topology's configuration as copies in $scratch/etc, to be changed.
own_etc() {
    [[ -d $scratch/etc ]] && return
    cp -r "$top/ops/etc" "$scratch"
    sed -i "s|$top/ops/||" "$topology"
    sed -i "s|Schema: ../../|Schema: $top/|" "$scratch/etc/edge.yaml"
}

body() {
    sed '1,/^\r$/d' "$scratch/answer"
}

b64url() {
    openssl base64 -A | tr '+/' '-_' | tr -d '='
}

# token HEADER PAYLOAD SECRET: any token, good or not.
token() {
    local head payload
    head=$(printf '%s' "$1" | b64url)
    payload=$(printf '%s' "$2" | b64url)
    printf '%s.%s.%s' "$head" "$payload" "$(printf '%s.%s' "$head" "$payload" |
        openssl dgst -sha256 -hmac "$3" -binary | b64url)"
}

# Three ports in a row that nobody listens on.
free_ports() {
    local port
    while :; do
        port=$((20000 + RANDOM % 12000))
        if ! (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null &&
            ! (: <>"/dev/tcp/127.0.0.1/$((port + 1))") 2>/dev/null &&
            ! (: <>"/dev/tcp/127.0.0.1/$((port + 2))") 2>/dev/null; then
            echo "$port"
            return
        fi
    done
}
