#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# compilers.sh ROOT GENERATED: every C file below GENERATED/*/ with gcc and with
# clang, each warning an error. Prints what is refused, and fails.
set -uo pipefail
root=$1 generated=$2

mapfile -t warnings < <(sed -n '/INTERFACE$/p;/-W/p;/-fno-common/q' \
    "$root/ops/cmake/flags.cmake" | grep -oE -- '-[Wf][a-z0-9=-]+')
((${#warnings[@]} > 15)) || {
    echo "only ${#warnings[@]} warnings found in flags.cmake"
    exit 1
}
compile() {
    local compiler=$1 file
    shift
    for file; do
        "$compiler" -std=c11 -D_POSIX_C_SOURCE=200809L -O2 -S -o /dev/null \
            "${warnings[@]}" -Werror -I"$(dirname "$file")" -I"$root" \
            "$file" || exit 1
    done
}
mapfile -t files < <(find "$generated" -mindepth 2 -maxdepth 2 -name '*.c')
((${#files[@]} > 30)) || {
    echo "only ${#files[@]} files below $generated"
    exit 1
}
compile gcc "${files[@]}" &
gcc=$!
compile clang "${files[@]}" &
clang=$!
failed=0
wait "$gcc" || failed=1
wait "$clang" || failed=1
exit "$failed"
