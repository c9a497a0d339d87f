#!/usr/bin/env bash
# Puts ONNX Runtime's native library where the benchmarks look for it. Only the benchmarks use it; no package or product does.
# The npm package carries the library itself; its install script, which would fetch GPU libraries, never runs here.
#
# On x86-64 a second copy is made that computes as on a processor without AVX-512: ONNX Runtime has no switch for that, so the one
# byte of its matrix library's start-up code that tests for AVX-512 is cleared (test $0x10000,%r10d becomes test $0,%r10d).
set -euo pipefail
version=1.30.0
case "$(uname -s)-$(uname -m)" in
  Linux-x86_64) platform=linux/x64 ;;
  Linux-aarch64) platform=linux/arm64 ;;
  *) echo "No ONNX Runtime library is chosen for $(uname -s) on $(uname -m); the benchmarks then measure only our side." >&2; exit 1 ;;
esac
target="$(cd "$(dirname "$0")" && pwd)/.onnxruntime"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
npm pack --silent "onnxruntime-node@$version" >/dev/null
tar -xzf "onnxruntime-node-$version.tgz" "package/bin/napi-v6/$platform/libonnxruntime.so.1"
mkdir -p "$target"
mv "package/bin/napi-v6/$platform/libonnxruntime.so.1" "$target/"
echo "ONNX Runtime $version: $target/libonnxruntime.so.1"

if [ "$platform" = linux/x64 ]; then
  instruction=$((0x16abd14))
  if [ "$(od -An -tx1 -j $instruction -N 7 "$target/libonnxruntime.so.1" | tr -d ' ')" != 41f7c200000100 ]; then
    echo "The test for AVX-512 is not where it was in the known build of version $version; no AVX2 copy was made." >&2
    exit 1
  fi
  mkdir -p "$target/avx2"
  cp "$target/libonnxruntime.so.1" "$target/avx2/"
  printf '\0' | dd of="$target/avx2/libonnxruntime.so.1" bs=1 seek=$((instruction + 5)) conv=notrunc status=none
  echo "The same without AVX-512: $target/avx2/libonnxruntime.so.1"
fi
