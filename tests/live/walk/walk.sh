# The walk over the mall as it is. Sourced by run.
# shellcheck shell=bash disable=SC2034,SC2154,SC2016,SC2317

secret="f6a1b2e4-3d70-4c1e-9b58-0a7c2d9e6f11"
secret+=" 5e8c9d02-71b6-4f3a-8d24-c3b0e5f7a962"
secret+=" a94d3c18-06e2-4b7f-b1d5-7e2f8c6a0b53"
json=(-H 'content-type: application/json')
search_url="$search_api/search/do?name=%E8%A5%BF%E6%B8%B8%E8%AE%B0"

post() {
    local name=$1 path=$2 text=$3
    http "$name" -X POST "$user_api$path" "${json[@]}" -d "$text"
}

echo "== start"
command_is up 0 bus up -d "$topology"

echo "== log in"
post login-blank-name /user/login '{"username":" ","password":"123456"}'
post login-blank-password /user/login '{"username":"666","password":""}'
post login-unknown /user/login '{"username":"1","password":"123456"}'
post login-wrong /user/login '{"username":"666","password":"654321"}'
post login-malformed /user/login '{"username":"666",'
post login-missing /user/login '{"username":"666"}'
post login /user/login '{"username":"666","password":"123456"}'

token=$(body | jq -r .accessToken)
segment() {
    local text
    text=$(cut -d. -f"$1" <<<"$token" | tr '_-' '/+')
    while ((${#text} % 4)); do text+='='; done
    base64 -d <<<"$text"
}
claims=$(segment 2)
is "token header" "$(segment 1)" '{"alg":"HS256","typ":"JWT"}'
is "claims" "$(jq -c '[(keys | sort), .userId, (.exp - .iat)]' <<<"$claims")" '[["exp","iat","userId"],1,7200]'
is "accessExpire and refreshAfter against iat" "$(body | jq -c --argjson iat "$(jq .iat <<<"$claims")" '[.accessExpire - $iat, .refreshAfter - $iat]')" '[7200,3600]'
is "password in the table is a yescrypt hash" "$(sql user 'select substr(password,1,3) from user where id=1')" "\$y\$"

echo "== search, behind a token"
iat=$(date +%s)
head='{"alg":"HS256","typ":"JWT"}'
good="{\"exp\":$((iat + 60)),\"iat\":$iat,\"userId\":1}"
bearer() {
    http "$1" "$search_url" -H "authorization: $2"
}
http search-no-token "$search_url"
bearer search-tampered "${token%?}$([[ $token == *A ]] && echo E || echo A)"
bearer search-expired "$(token "$head" "{\"exp\":$((iat - 1)),\"iat\":$((iat - 9)),\"userId\":1}" "$secret")"
bearer search-no-exp "$(token "$head" "{\"iat\":$iat,\"userId\":1}" "$secret")"
bearer search-alg-none "$(token '{"alg":"none","typ":"JWT"}' "$good" "$secret")"
bearer search-hs512 "$(token '{"alg":"HS512","typ":"JWT"}' "$good" "$secret")"
trace=4bf92f3577b34da6a3ce929d0e0e4736
http search "$search_url" -H "authorization: $token" -H "traceparent: 00-$trace-00f067aa0ba902b7-01"
bearer search-bearer "Bearer $token"
until_true "the request's trace in the user actor's log" 5 grep -q "\"trace\":\"$trace\"" "$home/log/user-1.log"
until_true "middleware Example has logged" 5 grep -q '"content":"example middle".*"trace":"'$trace'"\|"trace":"'$trace'".*"content":"example middle"' "$home/log/search-api-1.log"
line=$(grep -m1 'example middle' "$home/log/search-api-1.log")
is "a log line's fields" "$(jq -c '[has("@timestamp"), .level, .content, (.trace | length)]' <<<"$line")" '[true,"info","example middle",32]'
http ping "$search_api/search/ping"
http not-found "$search_api/user/1"
http wrong-verb -X DELETE "$search_api/search/ping"

echo "== register in a saga"
bus sub 'user.>' --count 1 --json >"$scratch/event" 2>"$scratch/sub" &
sub=$!
until_true "subscribed" 5 grep -q . "$scratch/sub"
post register /register '{"name":"小红","gender":"女"}'
is "user's row" "$(sql user 'select id,name,number,gender from user where id=2')" '2|小红||女'
is "score's row" "$(sql score 'select user_id,score from user_score')" '2|10'
wait "$sub"
is "event user.registered" "$(jq -c '[.topic, .body.name]' "$scratch/event")" '["user.registered","小红"]'
welcomed() {
    [[ $(sql user "select name from welcome where user_id=2") == 小红 ]]
}
until_true "the user service has welcomed 小红, by a durable event" 10 welcomed
rm "$scratch/sub" # what the first one said would be taken for its own
bus sub 'demo.*' --count 1 --json >"$scratch/event" 2>"$scratch/sub" &
sub=$!
until_true "subscribed to demo.*" 5 grep -q . "$scratch/sub"
command_is pub 0 bus pub demo.greeting '{"text":"你好"}'
wait "$sub"
is "event demo.greeting" "$(jq -c '[.topic, .body]' "$scratch/event")" '["demo.greeting",{"text":"你好"}]'
post register-with-id /register '{"id":77,"name":"小刚","gender":"男","score":5}'
is "both rows of 77" "$(sql user 'select name from user where id=77')$(sql score 'select score from user_score where user_id=77')" '小刚5'

rolled_back() {
    gid=$(grep -i '^x-saga-gid:' "$scratch/answer" | tr -d '\r' | cut -d' ' -f2)
    bus --json saga show "$gid" >"$scratch/saga"
    is "saga $1" "$(jq -c '[.status, (.steps[] | [.name, .status, .compensation.status])]' "$scratch/saga")" "$2"
}
post register-exists /register '{"id":77,"name":"小强","gender":"男"}'
rolled_back "of an id that exists" '["undone",["user","failed","done"],["score","pending","none"]]'
is "77 is who he was" "$(sql user 'select name from user where id=77')" '小刚'
post register-not-number /register '{"id":"abc","name":"小强","gender":"男"}'
rolled_back "of an id that is no number" '["undone",["user","failed","done"],["score","pending","none"]]'
post register-score-high /register '{"id":78,"name":"小强","gender":"男","score":101}'
rolled_back "of a score above the limit" '["undone",["user","done","done"],["score","failed","done"]]'
is "no row of 78" "$(sql user 'select count(*) from user where id=78')$(sql score 'select count(*) from user_score where user_id=78')" '00'
command_is saga-show 0 bus saga show "$gid"

. "$walk_dir/shop.sh"

echo "== a user looks at himself"
http self "$user_api/user/1" -H "authorization: $token"
http self-no-token "$user_api/user/1"
http self-other "$user_api/user/2" -H "authorization: $token"

echo "== the bus command"
command_is ps 0 bus ps
is "actors, replicas, workers, states, restarts" "$(bus --json ps | jq -c '[.actors[] | [.name, .replicas, (.instances[] | [.stats.workers, .state, .restarts, .pid > 0])]]')" '[["saga",1,[0,"ready",0,true]],["user",1,[4,"ready",0,true]],["score",1,[4,"ready",0,true]],["product",1,[4,"ready",0,true]],["pay",1,[4,"ready",0,true]],["order",1,[4,"ready",0,true]],["cart",1,[4,"ready",0,true]],["aftersale",1,[4,"ready",0,true]],["user-api",1,[4,"ready",0,true]],["search-api",1,[4,"ready",0,true]],["mall-api",1,[32,"ready",0,true]],["edge",1,[0,"ready",0,true]]]'
command_is ls 0 bus ls
command_is describe 0 bus describe user.getUser
command_is call 0 bus call user.getUser '{"id":"1"}'
command_is call-path 0 bus call /user.User/getUser '{"id":"1"}'
command_is call-nobody 3 bus call nobody.getUser '{"id":"1"}'
command_is call-no-method 3 bus call user.nothing '{}'
command_is call-refused 1 bus call user.getUser '{"id":"999"}'
command_is call-usage 2 bus call
command_is scale-3 0 bus scale user=3

pids_of() {
    bus --json ps | jq -r ".actors[] | select(.name == \"$1\") | .instances[] | .pid"
}
is "three users" "$(pids_of user | wc -l)" 3

# 500 calls, eight in parallel, begun before a kill and ended after it. Of those
# that fail, what they said.
many() {
    seq 500 | xargs -P 8 -I{} bash -c \
        'said=$("$0/bus" --home "$1" call user.getUser "{\"id\":\"1\"}" 2>&1) && echo ok || echo "exit $?: $said"' \
        "$bin" "$home" >"$scratch/calls"
}
many &
calls=$!
until_true "some calls are through" 20 test -s "$scratch/calls"
kill -9 "$(pids_of user | head -n 1)"
is "the kill fell in the middle" "$(kill -0 "$calls" 2>/dev/null && echo yes)" yes
wait "$calls"
is "500 calls while one of three is killed" "$(sort "$scratch/calls" | uniq -c | tr -s ' ')" ' 500 ok'
three_ready() {
    (($(bus --json ps | jq '[.actors[] | select(.name == "user") | .instances[] | select(.state == "ready")] | length') == 3))
}
until_true "the killed one is repaired" 5 three_ready
for n in 1 2 3; do
    until_true "user#$n has served some of them" 10 grep -q '"method":"getUser"' "$home/log/user-$n.log"
done

echo "== without the user"
bus call user.saveUserCallback '{"id":"1"}' >/dev/null
http search-user-gone "$search_url" -H "authorization: $token"
command_is scale-0 0 bus scale user=0
http search-user-stopped "$search_url" -H "authorization: $token"
is "and at once" "$(curl -s -o /dev/null -w '%{time_total}' "$search_url" -H "authorization: $token" | awk '{ print $1 < 1.0 }')" 1

echo "== stop"
command_is down 0 bus down
is "no name, socket or lock left" "$(find "$home/names" "$home/sock" -type f -o -type s | wc -l)" 0
is "no process left" "$(pgrep -f -- "--home $home" | wc -l)" 0
is "no sanitizer report and no assertion in any log" "$(reports)" 0
command_is call-down 3 bus call user.getUser '{"id":"1"}'
