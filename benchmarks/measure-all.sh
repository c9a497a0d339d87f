#!/usr/bin/env bash
# Measures everything that docs/performance.md shows and writes it there: benchmarks/measure-all.sh YYYY-MM-DD [machine]
# Takes about ten minutes. The machine should have nothing else to do.
set -euo pipefail
date="${1:?State the date, e.g. 2026-01-31.}"
cd "$(dirname "$0")/.."
dotnet build sample-app -c Release -v quiet
dotnet build benchmarks -c Release -v quiet
section() { dotnet run -c Release --no-build --project benchmarks -- "$@" --document docs/performance.md --date "$date" ${machine:+--machine "$machine"}; }
machine="${2:-}"
dotnet run -c Release --no-build --project benchmarks -- check
section models --json benchmarks/models.json
section kernels
section layers --rounds 40
section startup
