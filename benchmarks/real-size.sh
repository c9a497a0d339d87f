#!/usr/bin/env bash
# Networks of real size beside ONNX Runtime and stable-diffusion.cpp: measures every section of docs/performance.md that belongs to them and is empty, and writes it there.
#   benchmarks/real-size.sh YYYY-MM-DD [MODELS [DOCUMENT]]
# Stopped, it goes on where it was; empty a section to measure it anew. What it skips, and why, it says in the end. An hour or two, on a machine that has nothing else to do.
# MODELS: pipelines as `specializer synthesize` writes them, by default in out/models; those that are missing are written there, 12 GB in all. stable-diffusion.cpp's program is $SD_CLI, or sd-cli on the path.
set -euo pipefail
date="${1:?State the date, e.g. 2026-01-31.}"
cd "$(dirname "$0")/.."
models=${2:-out/models}
document=${3:-docs/performance.md}
skipped=()

# NAME
is_measured() { awk -v from="<!-- $1 -->" -v to="<!-- /$1 -->" '$0 == to { exit } inside && NF { found = 1 } $0 == from { inside = 1 } END { exit !found }' "$document"; }

# NAME: what comes in becomes the section.
write() {
  awk -v from="<!-- $1 -->" -v to="<!-- /$1 -->" 'NR == FNR { text = text $0 "\n"; next } $0 == to { inside = 0 } !inside { print } $0 == from { inside = 1; print "\n" text }' - "$document" > "$document.new"
  mv "$document.new" "$document"
}

# NAME GIGABYTES COMMAND…
section() {
  local name=$1 needs=$2 free=$(awk '/^MemAvailable/ { print int($2 / 1000000) }' /proc/meminfo)
  shift 2
  if is_measured "$name"; then return; fi
  if (( free < needs )); then skipped+=("$name: needs $needs GB of memory, $free are free"); return; fi
  echo "$name"
  dotnet run -c Release --no-build --project benchmarks -- "$@" --document "$document" --section "$name" --date "$date" || skipped+=("$name: failed")
}

# NAME GIGABYTES FOLDER ROUNDS ARGUMENTS…: one thread, then two.
network() {
  local name=$1 needs=$2 folder=$3 rounds=$4
  shift 4
  for threads in 1 2; do
    section "$name-$threads" "$needs" models --folder "$models/$folder" --threads $threads --batch 1 --rounds "$rounds" --turn 500 --memory "$@"
  done
}

for model in ldm-cin256-v2 sd15 sdxl-turbo; do
  if [ ! -d "$models/$model" ]; then dotnet run -c Release --project calibration/tool -- synthesize $model --out "$models/$model"; fi
done
dotnet build benchmarks -c Release -v quiet

every=(--configuration FP32 W8A8 W4A8 mixed --beside FP32 int8 dynamic)
network ldm-4 8 ldm-cin256-v2/unet 3 --tokens 1 "${every[@]}"
network sd15 17 sd15/unet 3 --tokens 77 --configuration FP32 W8A8 W4A8 W4A8+attention mixed --beside FP32 int8 dynamic
network decoder 12 sd15/vae 2 --part Decoder --size 64 "${every[@]}"
network text-encoder 4 sd15/text_encoder 5 --part TextEncoder "${every[@]}"
# Our ONNX writer does not know this network's step vectors, and FP32 would take 10 GB.
network sdxl-turbo 15 sdxl-turbo/unet 2 --tokens 77 --configuration W8A8 W4A8 --beside none
section ldm-4-layers 4 layers --folder "$models/ldm-cin256-v2/unet" --tokens 1 --configuration W8A8 W4A8 --rounds 5
section sd15-layers 8 layers --folder "$models/sd15/unet" --tokens 77 --configuration W8A8 W4A8 W4A8+attention --rounds 3
if ! is_measured stable-diffusion-cpp; then
  if table=$(benchmarks/stable-diffusion-cpp.sh "$models/sd15" 1 2); then write stable-diffusion-cpp <<< "$table"; else skipped+=("stable-diffusion-cpp: not there"); fi
fi

(( ${#skipped[@]} == 0 )) || printf 'skipped: %s\n' "${skipped[@]}"
