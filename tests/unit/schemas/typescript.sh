#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# typescript.sh BUS FILE.api...: the client of each file must compile under
# tsc --strict, and one with a wrong type must not.
set -uo pipefail
bus=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
compile() { tsc --strict --noEmit --target es2020 --lib es2020,dom "$@"; }

count=0
for file; do
    "$bus" gen client --lang ts "$file" -o "$work/client$count.ts" || exit 1
    count=$((count + 1))
done
((count > 0)) || exit 1
compile "$work"/client*.ts || exit 1
echo 'export const n: number = "a text";' >"$work/client0.ts"
if compile "$work/client0.ts" >"$work/out"; then
    echo "tsc accepts anything"
    exit 1
fi
grep -q TS2322 "$work/out"
