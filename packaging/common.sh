# shellcheck shell=bash disable=SC2034,SC2154
# Shared by packaging/quickstart and packaging/container/build, which source it: finding and installing
# what a build needs on Debian, and configuring and running that build. It expects `set -eu`, bash,
# and `me`, the name that its messages carry.

# What a build of the programs and of the demonstration speaker needs.
build_packages=(gcc libc6-dev meson ninja-build pkg-config
	libevent-dev libyaml-dev libsqlite3-dev libssl-dev libedit-dev libbz2-dev libcmocka-dev)

die() {
	printf '%s: %s\n' "$me" "$*" >&2
	exit 1
}

say() {
	printf '%s: %s\n' "$me" "$*"
}

# as_root COMMAND…: as it is for root, with sudo for anybody else.
as_root() {
	if ((EUID == 0)); then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "must be root to run '$*', and there is no sudo: run it as root first, then $me again"
	fi
}

# install_missing PACKAGE…: installs those that are not there. Without any it touches neither apt nor the network.
install_missing() {
	local package status output missing=()
	command -v dpkg-query >/dev/null || die "found no dpkg; expected Debian 12 or a relative of it"
	for package in "$@"; do
		status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || status=
		[[ $status == installed ]] || missing+=("$package")
	done
	((${#missing[@]})) || return 0

	say "installing ${missing[*]}"
	# An earlier run may have been interrupted while dpkg was at work; apt refuses everything until this is done. What
	# dpkg cannot finish by itself for want of another package, --fix-broken does.
	as_root dpkg --configure -a >/dev/null 2>&1 || true
	# Old lists may still be good enough (no network, a mirror on disk), so only the install decides.
	output=$(apt_get -q update 2>&1) || {
		printf '%s\n' "$output" >&2
		say "apt-get update failed; trying with the package lists that are there"
	}
	output=$(apt_get -q -y --fix-broken install --no-install-recommends "${missing[@]}" 2>&1) || {
		printf '%s\n' "$output" | tail -n 40 >&2
		die "apt-get could not install: ${missing[*]} (see its lines above)"
	}
}

# apt_get WORD…: asks nothing, and waits for another apt that is at work, as on a machine that was just started.
apt_get() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" </dev/null
}

# configured SOURCE BUILD PREFIX: is BUILD a finished release configuration of this SOURCE?
configured() {
	[[ -f $2/build.ninja && -f $2/meson-private/coredata.dat ]] || return 1
	python3 - "$@" <<-'PYTHON'
		import json, os, sys
		source, build, prefix = sys.argv[1:]
		wanted = {"buildtype": "release", "b_sanitize": "none", "tests": True, "prefix": prefix}
		try:
		    with open(os.path.join(build, "meson-info", "meson-info.json")) as file:
		        info = json.load(file)
		    with open(os.path.join(build, "meson-info", "intro-buildoptions.json")) as file:
		        found = {option["name"]: option["value"] for option in json.load(file)}
		except (OSError, ValueError):
		    sys.exit(1)
		same_source = os.path.realpath(info["directories"]["source"]) == os.path.realpath(source)
		sys.exit(info["error"] or not same_source or any(found.get(name) != wanted[name] for name in wanted))
	PYTHON
}

# build_release SOURCE BUILD PREFIX TARGET…: a release build of the targets (files in BUILD), to be installed below
# PREFIX, in the folder BUILD, whatever state an earlier, perhaps interrupted, run left that folder in.
build_release() {
	local source=$1 build=$2 prefix=$3 output
	shift 3
	if configured "$source" "$build" "$prefix"; then
		say "building in $build"
		ninja -C "$build" "$@" && give_back "$source" "$build" && return 0
		say "that failed; once more from an empty folder"
	fi
	if [[ -d $build && ! -d $build/meson-private && ! -d $build/meson-logs && -n $(ls -A "$build") ]]; then
		die "found files that are not meson's in $build, expected a build folder or none"
	fi
	rm -rf -- "$build"
	say "configuring in $build"
	output=$(meson setup --prefix="$prefix" -Dbuildtype=release -Db_sanitize=none -Dtests=true \
		"$build" "$source" 2>&1) || {
		printf '%s\n' "$output" >&2
		die "meson could not configure $build (see its lines above)"
	}
	say "building in $build"
	ninja -C "$build" "$@" || die "the build in $build failed (see the lines above)"
	give_back "$source" "$build"
}

# give_back SOURCE BUILD: what root built in the checkout of somebody else is his to change and to remove.
give_back() {
	((EUID != 0)) || chown -R --reference="$1" -- "$2"
}
