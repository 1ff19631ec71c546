#!/bin/sh
# Installs the C library for programs to be built and linked against: install.sh PREFIX LIBRARY VERSION.
#
# PREFIX is an absolute path; LIBRARY is the built libdosvc.so. What DESTDIR names is put before every path, for packages.
# `cargo xtask install-com` builds the library and calls this.
set -eu

prefix=$1 library=$2 version=$3
here=$(dirname "$0")
root=${DESTDIR:-}$prefix

case $prefix in
/*) ;;
*)
    echo "install.sh: the prefix must be an absolute path: $prefix" >&2
    exit 1
    ;;
esac

install -d "$root/lib/pkgconfig" "$root/include/dosvc/case"
# Not the link's name: the dynamic linker looks for what the library says of itself (build.rs).
install -m 755 "$library" "$root/lib/libdosvc.so.$version"
ln -sf "libdosvc.so.$version" "$root/lib/libdosvc.so.0"
ln -sf libdosvc.so.0 "$root/lib/libdosvc.so"
# A folder of their own: names such as windows.h must not be found by whoever did not ask for them.
install -m 644 "$here"/include/*.h "$root/include/dosvc"
install -m 644 "$here"/include/case/*.h "$root/include/dosvc/case"
sed -e "s|@PREFIX@|$prefix|" -e "s|@VERSION@|$version|" "$here/dosvc.pc.in" >"$root/lib/pkgconfig/dosvc.pc"
chmod 644 "$root/lib/pkgconfig/dosvc.pc"
