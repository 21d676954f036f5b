#!/bin/sh
# Installs Corral from the release folder at URL: the package for this system, or the plain archive into a folder of your choice.
# Everything is verified before anything is unpacked: the release's signature with the key below, then each file's SHA-256. Until
# then, and if a check fails, only a temporary folder is written, which is removed at the end.
# usage: install.sh [--url URL] [--into DIR] [--no-source]
#        --into DIR    unpacks the plain archive there, as any user, instead of installing the package
#        --no-source   doesn't add the apt source that brings later versions by apt upgrade
set -eu

url='@URL@'
version='@VERSION@'
# The public key of the release, as gpgv and sqv read it, in base64.
key='@KEY@'

into=''
source=yes
fail() {
  echo "install.sh: $1" >&2
  echo "Nothing was installed or changed." >&2
  exit 1
}
while [ $# -gt 0 ]; do
  case "$1" in
    --url) [ $# -ge 2 ] || fail "--url needs an address."; url=$2; shift 2 ;;
    --into) [ $# -ge 2 ] || fail "--into needs a folder."; into=$2; shift 2 ;;
    --no-source) source=no; shift ;;
    *) fail "unknown argument $1; usage: install.sh [--url URL] [--into DIR] [--no-source]" ;;
  esac
done
url=${url%/}

# The shell reads the whole script before its first step: an interrupted download runs nothing.
main() {
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  trap 'exit 1' HUP INT TERM
  chmod 755 "$work" # apt reads the package as its own user

  fetch SHA256SUMS 1000000
  fetch SHA256SUMS.asc 100000
  verify_signature
  # An old release is signed too; a mirror must not offer it as this one.
  grep -q "^# corral $version\$" "$work/SHA256SUMS" || fail "$url has another version than this script's $version."

  machine=$(dpkg --print-architecture 2>/dev/null || uname -m)
  case "$machine" in
    x86_64 | amd64) machine=amd64 ;;
    aarch64 | arm64) machine=arm64 ;;
    *) fail "there is no build for this architecture ($machine), only for amd64 and arm64." ;;
  esac
  if [ -n "$into" ]; then unpack_archive; else install_package; fi
}

fetch() { # name, most bytes
  command -v curl >/dev/null || command -v wget >/dev/null || fail "neither curl nor wget is installed: sudo apt install curl"
  (
    ulimit -f $(($2 / 512 + 1)) # an answer without a length may have no end
    if command -v curl >/dev/null; then
      curl -fsSL --proto '=http,https' --proto-redir '=http,https' --max-redirs 5 --connect-timeout 20 --speed-limit 1000 --speed-time 30 \
        --max-time 1800 --max-filesize "$2" -o "$work/$1" "$url/$1"
    else
      timeout 1800 wget -q -T 30 -t 2 --max-redirect=5 -O "$work/$1" "$url/$1"
    fi
  ) || fail "$url/$1 can't be fetched. Try again later, or another address with --url."
  [ "$(wc -c <"$work/$1")" -le "$2" ] || fail "$url/$1 is larger than $2 bytes and was refused."
}

verify_signature() {
  printf '%s' "$key" | base64 -d >"$work/key.gpg" 2>/dev/null || fail "the key in this script is damaged; download the script again."
  if command -v gpgv >/dev/null; then
    gpgv -q --keyring "$work/key.gpg" "$work/SHA256SUMS.asc" "$work/SHA256SUMS" 2>"$work/said" && return
  elif command -v sqv >/dev/null; then
    sqv --keyring "$work/key.gpg" "$work/SHA256SUMS.asc" "$work/SHA256SUMS" >/dev/null 2>"$work/said" && return
  else
    fail "neither gpgv nor sqv is installed, so nothing can be verified: sudo apt install gpgv"
  fi
  sed 's/^/  /' "$work/said" >&2
  fail "the signature of $url/SHA256SUMS is not that of this release: the files were modified, or come from someone else."
}

# Only names in the signed list (letters, digits and ._~+-), and only with the list's hash.
fetch_checked() { # name
  grep -E "^[0-9a-f]{64}  $(printf '%s' "$1" | sed 's/[.+~]/\\&/g')\$" "$work/SHA256SUMS" >"$work/sum" ||
    fail "this release has no $1. Its systems are: $(systems)."
  fetch "$1" 300000000
  (cd "$work" && sha256sum -c sum >/dev/null 2>&1) || fail "$url/$1 is not the signed file: its SHA-256 differs."
}

systems() { sed -nE 's/^[0-9a-f]{64}  corral_.*~([a-z0-9.]+)_[a-z0-9]+\.deb$/\1/p' "$work/SHA256SUMS" | sort -u | tr '\n' ' ' | sed 's/ $//'; }

install_package() {
  command -v apt-get >/dev/null || fail "this system has no apt; unpack the plain archive instead: install.sh --into DIR"
  system=$(. /etc/os-release && echo "${ID_LIKE:-$ID} $ID ${UBUNTU_CODENAME:-${VERSION_CODENAME:-}}")
  case "$system" in
    *bookworm) system=deb12 codename=bookworm ;;
    *trixie) system=deb13 codename=trixie ;;
    *noble) system=ubuntu24.04 codename=noble ;;
    *resolute) system=ubuntu26.04 codename=resolute ;;
    *) fail "there is no package for this system ($system), only for Debian 12 and 13, Ubuntu 24.04 and 26.04; unpack the plain archive instead: install.sh --into DIR" ;;
  esac
  as_root=''
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "installing needs root, and sudo is missing; run this as root, or use --into DIR."
    as_root=sudo
  fi
  package="corral_$version~${system}_$machine.deb"
  fetch_checked "$package"
  # apt itself changes nothing if a dependency is missing.
  install_by_apt || { $as_root apt-get update && install_by_apt; } || {
    echo "install.sh: apt could not install $package, for the reason above." >&2
    exit 1
  }
  if [ "$source" = yes ]; then
    printf 'Types: deb\nURIs: %s/apt\nSuites: %s\nComponents: main\nSigned-By: /usr/share/keyrings/corral.gpg\n' "$url" "$codename" >"$work/corral.sources"
    $as_root install -m 644 "$work/key.gpg" /usr/share/keyrings/corral.gpg
    $as_root install -m 644 "$work/corral.sources" /etc/apt/sources.list.d/corral.sources
  fi
  if systemctl --quiet is-active corral.service 2>/dev/null; then
    echo "Corral $version is installed and runs, at 127.0.0.1:11434 or as configured. Next: sudo corral search qwen3, then sudo corral pull NAME."
  else
    echo "Corral $version is installed, but its service does not run. Next: systemctl status corral, or without systemd: corral serve"
  fi
}

# Waits for an apt that runs already. Nobody can answer here, so a changed configuration stays as it is.
install_by_apt() {
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=300 \
    -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$work/$package" ca-certificates libcurl4
}

unpack_archive() {
  archive="corral-$version-linux-$machine.tar.zst"
  command -v zstd >/dev/null || fail "zstd, which unpacks the archive, is not installed: sudo apt install zstd"
  [ ! -e "$into/corral-$version" ] || fail "$into/corral-$version already exists; remove it or choose another folder."
  fetch_checked "$archive"
  zstd -q -d "$work/$archive" -o "$work/archive.tar" || fail "$archive can't be unpacked: the disk of $work may be full."
  mkdir -p "$into" || fail "$into can't be created."
  # The result appears as a whole or not at all.
  fresh="$into/.corral-$version.$$"
  { mkdir "$fresh" && tar -xf "$work/archive.tar" -C "$fresh" --no-same-owner && "$fresh/corral-$version/bin/corral" version >/dev/null &&
    mv "$fresh/corral-$version" "$into/"; } || {
    rm -rf "$fresh"
    fail "the archive can't be unpacked into $into, or Corral can't run there, for the reason above; it takes glibc 2.36 or newer."
  }
  rmdir "$fresh"
  echo "Corral $version is in $into/corral-$version. Next: $into/corral-$version/bin/corral serve"
}

main
