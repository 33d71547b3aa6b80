#!/usr/bin/env bash
# Packs the checkout twice, in two folders of different names and the second time without what Go has compiled before, and compares the
# packages. Run by make check-reproducible.
#
#   reproduce.sh FOLDER VENV     VENV is that of make dist; DIST_ARCHS as for make dist
set -euo pipefail
out=$1 venv=$2
rm -rf "$out" && mkdir -p "$out/first" "$out/the-second"
out=$(cd "$out" && pwd)
trap 'rm -rf "$out/go"' EXIT
# Both copies are made before anything is built, so that an edit meanwhile makes no difference.
for place in first the-second; do
  git ls-files -z --cached --others --exclude-standard | xargs -0 tar -c --ignore-failed-read 2>/dev/null | tar -x -C "$out/$place"
done
for place in first the-second; do
  [ "$place" = first ] || export GOCACHE=$out/go
  make -s -C "$out/$place" dist DIST_VENV="$venv" ${DIST_ARCHS:+DIST_ARCHS="$DIST_ARCHS"} > "$out/$place.log"
done
diff "$out/first/build/dist/SHA256SUMS" "$out/the-second/build/dist/SHA256SUMS" || { echo "the packages differ: they are in $out" >&2; exit 1; }
echo "twice the same:" && cat "$out/first/build/dist/SHA256SUMS"
