#!/bin/bash
# build.sh FOLDER [NAME=VALUE...]: builds the modules of src/ as .wasm files beside this script. FOLDER takes what building
# needs and leaves; it may be used again. README.md says what has to be there.
set -eu
work=$(mkdir -p "$1" && cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
cargo=cargo
flags="--remap-path-prefix=$here=smartmodules --remap-path-prefix=$work=toolchain -C link-arg=--allow-undefined"
registry=${CARGO_HOME:-$HOME/.cargo}/registry/src
(cd "$here" && cargo fetch --quiet) # so that the folder, which is named after the registry's host, is there
for source in "$registry"/*; do flags+=" --remap-path-prefix=$source=crates"; done
std=()
if ! rustc --print target-libdir --target wasm32-unknown-unknown >/dev/null 2>&1 ||
  [ ! -d "$(rustc --print target-libdir --target wasm32-unknown-unknown)" ]; then
  # No standard library for this target: it is built from the source of Debian's compiler, which is only unpacked.
  cargo=$(rustup which cargo)
  flags+=" -C linker=$(find "$(rustc --print sysroot)" -name rust-lld | head -1)"
  if [ ! -x "$work/usr/bin/rustc" ]; then
    mkdir -p "$work/debs" && cd "$work/debs"
    lib=$(apt-cache depends libstd-rust-web-dev | awk '/Depends: libstd-rust-web-/ {print $2}')
    llvm=$(apt-cache depends "$lib" | awk '/Depends: libllvm/ {print $2}')
    apt-get download rustc-web "$lib" libstd-rust-web-dev rust-web-src "$llvm"
    for deb in *.deb; do dpkg -x "$deb" "$work"; done
  fi
  export LD_LIBRARY_PATH=$work/usr/lib/x86_64-linux-gnu RUSTC=$work/usr/bin/rustc RUSTC_BOOTSTRAP=1
  std=(-Z build-std=std,panic_abort)
fi
cd "$here"
CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS=$flags CARGO_TARGET_DIR=$work/target \
  "$cargo" build "${std[@]}" --target wasm32-unknown-unknown --release --examples
for module in "$work"/target/wasm32-unknown-unknown/release/examples/*.wasm; do
  case ${module##*/} in *-*) ;; *) install -m 644 "$module" "$here/" ;; esac
done
