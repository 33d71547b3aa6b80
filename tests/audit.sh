#!/usr/bin/env bash
# Asks the databases of known vulnerabilities about what libfluvio depends on: make audit. Fails when one knows something. One that cannot
# be asked is skipped, with the reason.
set -uo pipefail
cd "$(dirname "$0")/.."
failed=0

# audit NAME FOUND COMMAND...: runs a tool whose output matches FOUND when there are vulnerabilities.
audit() {
  local name=$1 found=$2 out status
  shift 2
  out=$(timeout 300 "$@" 2>&1)
  status=$?
  if [ $status -eq 0 ]; then
    echo "$name: nothing known"
  elif grep -Eq "$found" <<<"$out"; then
    echo "$name:"
    echo "$out"
    failed=1
  elif [ $status -eq 124 ]; then
    echo "$name: skipped: no answer within 300 s"
  else
    echo "$name: skipped: $(grep -Ei 'error|unable|cannot|refused|timed? ?out|no such host' <<<"$out" | grep -v 'complete log' | tail -n 1 | cut -c 1-200 || true) (status $status)"
  fi
}

govulncheck=golang.org/x/vuln/cmd/govulncheck@v1.9.0
audit "Go" 'Vulnerability #' go run "$govulncheck" ./...
audit "Go, core/otelhook" 'Vulnerability #' go -C core/otelhook run "$govulncheck" ./...

venv=build/venv-audit
if [ -x "$venv/bin/pip-audit" ] || { python3 -m venv "$venv" && "$venv/bin/python" -m pip install --quiet --disable-pip-version-check pip-audit==2.10.1; }; then
  # The binding needs nothing: what is asked about is what its tests have installed.
  build/venv/bin/python -m pip freeze --disable-pip-version-check >build/audit.txt
  audit "Python" 'Found [0-9]+ known vulnerabilit' "$venv/bin/pip-audit" --disable-pip --no-deps -r build/audit.txt
else
  echo "Python: skipped: pip-audit cannot be installed"
fi

audit "Node" '[0-9]+ (low|moderate|high|critical)? ?(severity )?vulnerabilit' npm audit --prefix bindings/node
exit $failed
