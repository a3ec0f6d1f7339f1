#!/bin/sh
# Makes a checkout ready for ./configure: builds what a source archive carries (pages, languages, man pages, completion),
# writes down which files belong to it, and runs autoconf and automake.
#
#   ./autogen.sh             then ./configure with the directories you want
#   ./autogen.sh --system    and ./configure with those of a distribution's packages (/usr, /etc, /var)
#
# Whoever has a source archive needs none of this: there configure is, and all that takes Node.js or hpm's own
# dependencies to build.
set -eu
cd "$(dirname "$0")"
case ${1:-} in '' | --system) ;; *) sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2 ;; esac

missing=
for program in autoreconf automake git msgfmt; do
    command -v $program >/dev/null 2>&1 || missing="$missing $program"
done
if [ -n "$missing" ]; then
    echo "autogen.sh: not found:$missing; they are in the packages autoconf, automake, git and gettext" >&2
    exit 1
fi

rm -f Makefile    # GNUmakefile would use it
make --no-print-directory ui catalogues site man completion
contrib/release/file-lists
autoreconf --install --force --warnings=all,no-portability,no-override

if [ "${1:-}" = --system ]; then
    exec ./configure --prefix=/usr --sysconfdir=/etc --localstatedir=/var PYTHON="${PYTHON:-/usr/bin/python3}"
fi
echo "Now run ./configure (or ./autogen.sh --system for a distribution's directories), and make."
