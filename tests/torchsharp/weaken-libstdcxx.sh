#!/usr/bin/env bash
# Lets TorchSharp's native library load where libstdc++ is older than GCC 13.2's, as on Debian 12: weaken-libstdcxx.sh FOLDER...
# It asks for version GLIBCXX_3.4.32, for one symbol that compilers since name but nothing calls. Every copy below the folders is marked, in place and
# in the file alone, as one that does without that version (VER_FLG_WEAK in .gnu.version_r). For tests: nothing that ships is touched.
set -euo pipefail
export LC_ALL=C

newest=$(find /lib /usr/lib -name 'libstdc++.so.6' 2>/dev/null | head -n 1)
if [ -n "$newest" ] && grep -q GLIBCXX_3.4.32 "$newest"; then exit 0; fi

# The entry of the version: the ELF hash of its name, then two bytes of flags.
hash='\x42\xf8\x97\x02' none='\x00\x00' weak='\x02\x00'
find "$@" -name libLibTorchSharp.so | while read -r library; do
  sed -i "s/$hash$none/$hash$weak/" "$library" # writes a new file: the old one may be a link into the package folder
done
