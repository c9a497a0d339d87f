#!/usr/bin/env bash
# A step of stable-diffusion.cpp beside ours: same network, same shapes, same threads, its own clock.
#   benchmarks/stable-diffusion-cpp.sh PIPELINE [THREADS…]
# PIPELINE: a folder as `specializer synthesize sd15` writes it. The program is $SD_CLI, or sd-cli on the path; it is no part of this repository. Converted weights are kept in out/peer.
# One evaluation a step (guidance 1), 512x512, 77 tokens; weights q8_0 and q4_0 (convolutions stay in F16 there), attention plain and fused, whichever is quicker being its best.
set -euo pipefail
pipeline=${1:?the folder of a pipeline}
shift
peer=${SD_CLI:-$(command -v sd-cli || true)}
[ -x "$peer" ] || { echo "stable-diffusion.cpp is not here: build it, and name its sd-cli in SD_CLI." >&2; exit 1; }
out=out/peer
steps=2
mkdir -p "$out"
echo "| weights | attention | threads | ms a step | decoder, ms | working memory of a step |"
echo "|---|---|--:|--:|--:|--:|"
for threads in "${@:-1}"; do
  for type in q8_0 q4_0; do
    model="$out/$(basename "$pipeline")-$type.gguf"
    [ -f "$model" ] || "$peer" -M convert -m "$pipeline" -o "$model" --type $type > "$out/convert.log" 2>&1
    for attention in plain fused; do
      log="$out/$type-$attention-$threads.log"
      "$peer" -m "$model" -p "a red heart" --cfg-scale 1 -t "$threads" -H 512 -W 512 --steps $steps --seed 1 --eager-load -v -o "$out/picture.png" \
        $([ $attention = fused ] && echo --diffusion-fa) > "$log" 2>&1
      figure() { grep -oE "$1" "$log" | grep -oE '[0-9.]+' | tail -1; }
      sampling=$(figure 'sampling completed, taking [0-9.]+')
      decoder=$(figure 'decode_first_stage completed, taking [0-9.]+')
      echo "| $type | $attention | $threads | $(awk "BEGIN { printf \"%.0f\", 1000 * $sampling / $steps }") | $(awk "BEGIN { printf \"%.0f\", 1000 * $decoder }") | $(figure 'unet compute buffer size: [0-9.]+') MB |"
    done
  done
done
