#!/usr/bin/env bash
# Puts ONNX Runtime's native library where the benchmarks look for it. Only the benchmarks use it; no package or product does.
# The npm package carries the library itself; its install script, which would fetch GPU libraries, never runs here.
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
