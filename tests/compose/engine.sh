#!/usr/bin/env bash
# Runs a command with a Docker engine and `docker compose`; sees to both where they are missing, and ends what
# it has started.
#
#   tests/compose/engine.sh .venv/bin/python -m pytest -m compose
#
# What takes long is made once, in ~/.cache/scep-lab: Compose, built from its Go module, and, where the image
# that the lab is based on cannot be fetched, one made of Debian's packages.
set -euo pipefail

compose=v5.6.0
suite=bookworm
base_image=python:3.13-slim
postgresql_image=postgres:17-alpine
own_image=scep-lab-base:$suite
cache=${XDG_CACHE_HOME:-$HOME/.cache}/scep-lab
ca_bundle=/etc/ssl/certs/ca-certificates.crt

as_root=()
((EUID == 0)) || as_root=(sudo)
work=$(mktemp -d)
engine=
compose_dir=$cache/compose/$compose

finish() {
  if [[ -n $engine ]]; then
    "${as_root[@]}" kill "$engine" && wait "$engine" || true
  fi
  "${as_root[@]}" rm -rf "$work"
}
trap finish EXIT

say() { echo "engine: $*" >&2; }

need() { # PROGRAM PACKAGE...: installs the packages when the program is not there
  local program=$1
  shift
  command -v "$program" >/dev/null || [[ -x /usr/sbin/$program ]] && return
  say "installing $*"
  "${as_root[@]}" apt-get update -q >&2
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@" >&2
}

start_engine() {
  docker info >/dev/null 2>&1 && return
  need dockerd docker.io iptables
  need iptables iptables
  say "starting dockerd"
  "${as_root[@]}" "$(PATH=$PATH:/usr/sbin command -v dockerd)" >"$work/dockerd.log" 2>&1 &
  engine=$!
  for _ in {1..120}; do
    docker info >/dev/null 2>&1 && return
    kill -0 "$engine" 2>/dev/null || break
    sleep 0.5
  done
  tail -20 "$work/dockerd.log" >&2
  exit 1
}

build_compose() {
  docker compose version >/dev/null 2>&1 && return
  if [[ ! -x $compose_dir/cli-plugins/docker-compose ]]; then
    say "building Compose $compose"
    mkdir -p "$work/compose"
    (
      cd "$work/compose"
      printf 'module tools\n\ngo 1.25\n' >go.mod
      printf '//go:build tools\n\npackage tools\n\nimport _ "github.com/docker/compose/v5/cmd"\n' >tools.go
      { go get "github.com/docker/compose/v5/cmd@$compose" &&
        CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o docker-compose github.com/docker/compose/v5/cmd
      } >go.log 2>&1 || { tail -20 go.log >&2; exit 1; }
    )
    mkdir -p "$compose_dir/cli-plugins"
    mv "$work/compose/docker-compose" "$compose_dir/cli-plugins/"
  fi
  export DOCKER_CONFIG=$compose_dir
}

find_base() {
  [[ -n ${SCEPLAB_BASE_IMAGE:-} ]] && return
  if docker image inspect "$base_image" >/dev/null 2>&1 ||
    timeout 120 docker pull --quiet "$base_image" >/dev/null 2>&1; then
    return
  fi
  export SCEPLAB_BASE_IMAGE=$own_image
  docker image inspect "$own_image" >/dev/null 2>&1 && return
  local archive=$cache/base/$suite.tar
  if [[ ! -f $archive ]]; then
    need debootstrap debootstrap
    say "making $own_image of Debian's packages"
    mkdir -p "$cache/base"
    "${as_root[@]}" debootstrap --variant=minbase \
      --include=python3,python3-venv,python3-pip,ca-certificates "$suite" "$work/base" >"$work/debootstrap.log" ||
      { tail -20 "$work/debootstrap.log" >&2; exit 1; }
    "${as_root[@]}" tar -C "$work/base" --exclude=./var/cache/apt/archives --exclude=./dev -cf - . >"$work/base.tar"
    mv "$work/base.tar" "$archive"
  fi
  # pip in a build trusts whom this machine trusts.
  mkdir "$work/context"
  cp "$ca_bundle" "$work/context/"
  printf 'FROM %s\nCOPY ca-certificates.crt %s\nENV PIP_CERT=%s\n' \
    "$(docker import "$archive")" "$ca_bundle" "$ca_bundle" >"$work/context/Dockerfile"
  DOCKER_BUILDKIT=0 docker build --quiet --tag "$own_image" "$work/context" >/dev/null 2>&1 ||
    { say "cannot make $own_image"; exit 1; }
}

find_postgresql() {
  [[ -n ${SCEPLAB_POSTGRESQL_IMAGE:-} ]] && return
  if docker image inspect "$postgresql_image" >/dev/null 2>&1 ||
    timeout 120 docker pull --quiet "$postgresql_image" >/dev/null 2>&1; then
    return
  fi
  export SCEPLAB_POSTGRESQL_IMAGE=scep-lab-test-postgresql
  docker image inspect "$SCEPLAB_POSTGRESQL_IMAGE" >/dev/null 2>&1 && return
  say "making $SCEPLAB_POSTGRESQL_IMAGE, in the place of $postgresql_image"
  DOCKER_BUILDKIT=0 docker build --build-arg BASE_IMAGE="${SCEPLAB_BASE_IMAGE:-$base_image}" \
    --tag "$SCEPLAB_POSTGRESQL_IMAGE" "$(dirname "$0")/postgresql" >"$work/postgresql.log" 2>&1 ||
    { tail -20 "$work/postgresql.log" >&2; exit 1; }
}

# In one piece: bash reads a script while it runs, and tests take a while.
main() {
  start_engine
  build_compose
  find_base
  find_postgresql
  "$@"
  exit
}
main "$@"
