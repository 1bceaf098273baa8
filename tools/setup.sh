#!/bin/sh
# Installs the Debian packages that are missing. Arguments: PACKAGE, or COMMAND=PACKAGE where any
# provider of the command will do. With --check: only says what is missing, exit 1 if anything is.
set -eu

check=no
if [ "${1:-}" = --check ]; then
    check=yes
    shift
fi

missing=
for want in "$@"; do
    case $want in
    *=*) command -v "${want%%=*}" >/dev/null 2>&1 && continue ;;
    *) [ "$(dpkg-query -W -f '${db:Status-Status}' "$want" 2>/dev/null)" = installed ] && continue ;;
    esac
    missing="$missing ${want#*=}"
done
[ -n "$missing" ] || exit 0

if [ $check = yes ]; then
    echo "Missing packages:$missing" >&2
    echo "Run 'make setup' (installs them), or install them yourself." >&2
    exit 1
fi
if ! command -v apt-get >/dev/null 2>&1; then
    echo "Missing, and there is no apt-get to install them with:$missing" >&2
    exit 1
fi

sudo=
if [ "$(id -u)" -ne 0 ]; then
    sudo=sudo
    command -v sudo >/dev/null 2>&1 || { echo "Missing:$missing. Not root, and no sudo." >&2; exit 1; }
fi

echo "Installing Debian packages:$missing"
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq
# shellcheck disable=SC2086
$sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null
