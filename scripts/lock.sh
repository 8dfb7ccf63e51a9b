#!/bin/sh
# Compiles every lock with hashes and without addresses: adfkit's own, and those of what it deploys.
set -eu
cd "$(dirname "$0")/.."
if [ "${1:-}" = --help ]; then sed -n 's/^# //p' "$0"; exit 0; fi
uv=${UV:-uv}
compile() { "$uv" pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-header "$@"; }
compile --group setup -o requirements-setup.txt
compile pyproject.toml -c requirements-setup.txt -o requirements.txt
compile pyproject.toml --group dev -c requirements.txt -o requirements-dev.txt
git ls-files 'transforms/hosts/*requirements.in' 'adfkit/*requirements.in' | while read -r source; do
  compile "$source" -o "${source%.in}.txt"
done
# the machine learning environment is a conda file: its lock stands in there
.venv/bin/python transforms/machine_learning/environment/lock.py
