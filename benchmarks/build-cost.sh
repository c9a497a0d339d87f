#!/usr/bin/env bash
# What a change costs in processor time of `dotnet build`: of a project with the digits' manifest, in this checkout and in others to compare with, in turn.
#   benchmarks/build-cost.sh [--rounds N] [CHECKOUT…]
# Prints the checkout, what was changed since the last build, and seconds of user and system time. No compiler server and no build node outlives a build.
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
    <!-- As with packages: no process of its own for the task. -->
    <SpecializerUseTaskHost>false</SpecializerUseTaskHost>
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

# WHAT FOLDER
build() {
  ( TIMEFORMAT='%U %S'; time dotnet build -c Release --no-restore -m:1 -p:UseSharedCompilation=false -p:BuildProjectReferences=false "$2" > "$2/build.log" ) 2>&1 | awk -v what="$1" '{ printf "%s: %.1f\n", what, $1 + $2 }'
}

for checkout in "${checkouts[@]}"; do
  project "$checkout" build-cost '<CalibrationManifest Include="mnist.calibration.json" ClassName="MnistSampler" Namespace="BuildCost" />' 'typeof(BuildCost.MnistSampler)'
  project "$checkout" build-cost-without '' 1
done
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
