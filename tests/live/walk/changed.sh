# The walk over a changed copy of the tree, built with test hooks: a field and
# a route added to user.api, a method to user.proto, `Errors: text`; then
# crashes and odd answers in the middle of registrations. Sourced by run.
# shellcheck shell=bash disable=SC2034,SC2154,SC2016,SC2317

copy=$scratch/tree

# Copies the tree, changes it, and begins to build it.
changed_build() {
    mkdir -p "$copy"
    (cd "$top" && ops/files | xargs -d '\n' cp --parents -t "$copy")
    "$walk_dir/change" "$copy" || exit 1
    (
        cd "$copy" || exit 1
        # The copy has another path in each run, its objects do not differ.
        export CCACHE_BASEDIR=$copy CCACHE_NOHASHDIR=1
        cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Debug \
            -DTROUPE_TESTS=ON >"$scratch/build.log" 2>&1 &&
            ninja -C build bus supervisor edge saga user user-api score \
                search-api >>"$scratch/build.log" 2>&1
    ) &
    build_pid=$!
}

# held ACTOR WORDS: arms the crash hook of an actor.
arm() {
    mkdir -p "$home/crash"
    printf '%s' "$2" >"$home/crash/$1"
}

fault() {
    mkdir -p "$home/fault"
    printf '%s' "$2" >"$home/fault/$1"
}

pid_of() {
    bus --json ps | jq -r ".actors[] | select(.name == \"$1\") | .instances[0].pid"
}

# Both rows of an id, or neither: "0" or "2".
rows_of() {
    echo $(($(sql user "select count(*) from user where id=$1") + $(sql score "select count(*) from user_score where user_id=$1")))
}

saga_is_done() {
    [[ $(bus --json saga show "$1" | jq -r .status) == done ]]
}

# Kills ACTOR while a registration is held up in it; the saga must go on by
# itself within 3 seconds of the kill and end done or undone.
killed_in_the_middle() {
    local actor=$1 id=$2 hold=$3 gid
    rm -f "$home/crash/$actor.held"
    arm "$actor" "$hold"
    curl -sS --max-time 20 -o "$scratch/answer-$id" -X POST "$user_api/register" \
        "${json[@]}" -d "{\"id\":$id,\"name\":\"小明\",\"gender\":\"男\"}" &
    local client=$!
    until_true "$actor is held in the middle of registration $id" 5 test -e "$home/crash/$actor.held"
    kill -9 "$(pid_of "$actor")"
    ended() {
        bus --json saga ls | jq -e '[.sagas[] | select(.status != "done" and .status != "undone")] == [] and (.sagas | length > 0)'
    }
    local began=$SECONDS
    until_true "saga of $id goes on after kill -9 of $actor" 4 ended
    ((SECONDS - began <= 4)) || cross "took $((SECONDS - began)) s"
    wait "$client"
    gid=$(bus --json saga ls | jq -r '.sagas[0].gid')
    case $(bus --json saga show "$gid" | jq -r .status) in
    done) is "rows of $id after $actor was killed" "$(rows_of "$id")" 2 ;;
    *) is "rows of $id after $actor was killed" "$(rows_of "$id")" 0 ;;
    esac
}

changed_walk() {
    echo
    echo "== a changed copy of the tree"
    if ! wait "$build_pid"; then
        cross "the changed copy builds"
        tail -n 30 "$scratch/build.log"
        return
    fi
    build_pid=
    tick "the changed copy builds"
    bin=$copy/build/bin
    home=$scratch/home2
    json=(-H 'content-type: application/json')
    command_is up-changed 0 bus up -d "$(mall "$copy")"

    http changed-route "$user_api/hello?to=%E4%B8%96%E7%95%8C"
    http changed-field -X POST "$user_api/user/login" "${json[@]}" \
        -d '{"username":"666","password":"123456"}'
    command_is changed-method 0 bus call user.countName '{"id":"小明"}'
    http refusal-text -X POST "$user_api/user/login" "${json[@]}" \
        -d '{"username":"1","password":"123456"}'

    echo "== steps that answer oddly"
    fault score.saveUserScore 'INTERNAL INTERNAL'
    http register-internal -X POST "$user_api/register" "${json[@]}" -d '{"id":301,"name":"小红","gender":"女"}'
    is "INTERNAL twice, then OK" "$(bus --json saga ls | jq -r '.sagas[0].gid' | xargs "$bin/bus" --home "$home" --json saga show | jq -c '[.status, .steps[1].status, .steps[1].attempts]')" '["done","done",3]'
    fault score.saveUserScore 'FAILED_PRECONDITION FAILED_PRECONDITION'
    http register-ongoing -X POST "$user_api/register" "${json[@]}" -d '{"id":302,"name":"小红","gender":"女"}'
    is "FAILED_PRECONDITION twice, then OK" "$(bus --json saga ls | jq -r '.sagas[0].gid' | xargs "$bin/bus" --home "$home" --json saga show | jq -c '[.status, .steps[1].attempts]')" '["done",3]'

    fault score.saveUserScore "$(yes FAILED_PRECONDITION | head -n 9 | tr '\n' ' ')"
    http register-still-running -X POST "$user_api/register" "${json[@]}" -d '{"id":303,"name":"小红","gender":"女"}'
    gid=$(grep -i '^x-saga-gid:' "$scratch/answer" | tr -d '\r' | cut -d' ' -f2)
    is "the answer names the saga" "$(grep -c "$gid" <<<"$(body)")" 1
    until_true "and it ends after all" 5 saga_is_done "$gid"

    echo "== kill -9 in the middle"
    killed_in_the_middle saga 401 '2 hold send'
    killed_in_the_middle user 402 '1 hold commit'
    killed_in_the_middle user 403 '2 hold commit'
    command_is down-changed 0 bus down
    is "no assertion in any log" "$(reports)" 0
}
