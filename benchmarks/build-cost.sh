#!/usr/bin/env bash
# What a change costs in processor time of `dotnet build`: of a project with the digits' manifest, in this checkout and in others to compare with, in turn.
#   benchmarks/build-cost.sh [--rounds N] [CHECKOUT…]
# Each line: checkout, what was changed since the last build, seconds of user and system time of each round. No compiler server and no build node outlives a build.
set -euo pipefail
rounds=3
if [[ ${1:-} == --rounds ]]; then rounds=$2; shift 2; fi
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
checkouts=("$here" "$@")
export MSBUILDDISABLENODEREUSE=1 DOTNET_CLI_USE_MSBUILD_SERVER=0

# CHECKOUT FOLDER ITEM PROGRAM
project() {
  local folder=$1/out/$2
  mkdir -p "$folder"
  cp "$1"/sample-app/models/mnist/mnist.{calibration.json,weights.safetensors} "$folder"
  cat > "$folder/BuildCost.csproj" <<XML
<Project Sdk="Microsoft.NET.Sdk">
  <Import Project="../../tasks/Repository.props" />
  <PropertyGroup>
    <OutputType>Exe</OutputType>
  </PropertyGroup>
  <ItemGroup>
    $3
  </ItemGroup>
  <Import Project="../../tasks/build/Specializer.targets" />
</Project>
XML
  echo "System.Console.WriteLine($4);" > "$folder/Program.cs"
  dotnet build -c Release "$folder" > "$folder/build.log" || { cat "$folder/build.log"; exit 1; }
}

# LINE FOLDER [ARGUMENT…]
build() {
  local line=$1 folder=$2
  shift 2
  seen[$line]+=" $( ( TIMEFORMAT='%U %S'; time dotnet build -c Release --no-restore -m:1 -p:UseSharedCompilation=false -p:BuildProjectReferences=false "$@" "$folder" > "$folder/build.log" ) 2>&1 | awk '{ printf "%.1f", $1 + $2 }')"
}

for checkout in "${checkouts[@]}"; do
  project "$checkout" build-cost '<CalibrationManifest Include="mnist.calibration.json" ClassName="MnistSampler" Namespace="BuildCost" />' 'typeof(BuildCost.MnistSampler)'
  project "$checkout" build-cost-without '' 1
done
declare -A seen
for ((round = 0; round < rounds; round++)); do
  for checkout in "${checkouts[@]}"; do
    folder=$checkout/out/build-cost
    echo >> "$folder/mnist.calibration.json"
    build "$checkout: the manifest" "$folder"
    echo '// changed' >> "$folder/Program.cs"
    build "$checkout: the program" "$folder"
    build "$checkout: nothing" "$folder"
    echo '// changed' >> "$folder-without/Program.cs"
    build "$checkout: a program without a manifest" "$folder-without"
  done
done
for line in "${!seen[@]}"; do echo "$line:${seen[$line]}"; done | sort
