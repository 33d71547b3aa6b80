#!/usr/bin/env bash
# Builds the library and fluvio-devcluster for another platform, or for older C libraries than this machine's, with zig as the
# C compiler. COLD_FLAGS and FUNCALIGN are the Makefile's, of the same names.
#
#   cross.sh PYTHON ARCH FOLDER     PYTHON has the package ziglang; ARCH is amd64 or arm64 (linux, glibc 2.17 or newer) or windows-amd64
set -euo pipefail
python=$1 arch=$2 out=$3
root=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$out"
export GOOS=linux GOARCH=$arch
library=libfluvio.so program=fluvio-devcluster
link="-Wl,-soname,libfluvio.so.1 -Wl,--version-script=$root/capi/fluvio.map -Wl,-z,defs -Wl,--strip-all"
case $arch in
  amd64) target=x86_64-linux-gnu.2.17 ;;
  arm64) target=aarch64-linux-gnu.2.17 ;;
  windows-amd64)
    export GOOS=windows GOARCH=amd64
    target=x86_64-windows-gnu library=fluvio.dll program=fluvio-devcluster.exe
    link="-Wl,--strip-all -Wl,--out-implib,$(cd "$(dirname "$out")" && pwd)/$(basename "$out")/fluvio.lib"
    ;;
  *) echo "cross.sh: $arch: amd64, arm64 or windows-amd64" >&2; exit 2 ;;
esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# A file rather than a command line, because cgo splits CC at spaces. zig writes a stray ./-.o where it is started.
printf '#!/bin/sh\nexec %q -m ziglang cc -target %s "$@"\n' "$(command -v "$python")" "$target" > "$work/libfluvio-cc"
chmod +x "$work/libfluvio-cc"

# Nothing of where, when and from which commit it is built goes into the files: the same sources and tools give the same bytes.
cd "$root"
GOFLAGS="${GOFLAGS-} ${COLD_FLAGS-}" CGO_ENABLED=1 PATH=$work:$PATH CC=libfluvio-cc CGO_CFLAGS="-O2 -g0 -fno-sanitize=undefined" go build -trimpath -buildvcs=false -buildmode=c-shared \
  -ldflags "-s -w -buildid= ${FUNCALIGN-} -extldflags '$link'" -o "$out/$library" ./capi
CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w -buildid=" -o "$out/$program" ./core/cmd/fluvio-devcluster
rm -f "$out/libfluvio.h" "$out/fluvio.h" capi/-.o
