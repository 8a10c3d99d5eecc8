# Installs what a command of the launcher lacks: read by ./parley, never run by itself. Lists first, asks on a terminal,
# folds the output of apt and npm to one line there, keeps it in .parley/install.log, and leaves nothing that the next run
# cannot mend. Uses the launcher's variables: root, command_name, assume_yes, offline, json, may_install, npm_set, missing.

work=$root/.parley
log=$work/install.log
child=''

parley_say() { printf 'parley: %s\n' "$*" >&2; }

parley_on_terminal() { [ -t 0 ] && [ -t 2 ]; }

# Ends with the state as it is: npm_is_there and dpkg --configure make the next run begin where it must.
parley_interrupted() {
	trap '' INT TERM HUP
	[ ! -t 2 ] || printf '\n' >&2
	if [ -n "$child" ]; then
		kill -TERM "$child" 2>/dev/null || :
		wait "$child" 2>/dev/null || :
	fi
	parley_say 'interrupted; run the same command again to go on'
	exit 130
}

# parley_run LABEL FUNCTION...: the output goes to the log, its progress to one line of the terminal. The function is run in
# the background and must end by exec, so that the process to end at Ctrl-C is the installer itself.
parley_run() {
	label=$1
	shift
	started=$(date +%s)
	printf '\n== %s: %s\n' "$label" "$*" >>"$log"
	"$@" >>"$log" 2>&1 </dev/null &
	child=$!
	if [ -t 2 ]; then
		while kill -0 "$child" 2>/dev/null; do
			last=$(tail -n 1 "$log" | tr -dc '[:print:]' | sed 's|https*://[^/]*/||' | cut -c1-50)
			printf '\r\033[K%s (%s s) %s' "$label" "$(($(date +%s) - started))" "$last" >&2
			sleep 0.3 2>/dev/null || sleep 1
		done
		printf '\r\033[K' >&2
	fi
	status=0
	wait "$child" || status=$?
	child=''
	seconds=$(($(date +%s) - started))
	if [ "$status" = 0 ]; then
		printf '%s: done in %s s\n' "$label" "$seconds" >&2
	else
		printf '%s: FAILED after %s s; the end of %s:\n' "$label" "$seconds" "$log" >&2
		tail -n 5 "$log" | sed 's/^/    /' >&2
	fi
	return "$status"
}

# How to become root: nothing to prefix, sudo, or no way.
parley_root_prefix() {
	if [ "$(id -u)" = 0 ]; then
		echo env
	elif command -v sudo >/dev/null 2>&1 && { parley_on_terminal || sudo -n true 2>/dev/null; }; then
		echo sudo env
	fi
}

# Without a file system sync per package (one at the end instead), five hundred small packages take half the time.
parley_apt() {
	# shellcheck disable=SC2086 # the prefix is words
	exec $prefix DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get -y -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 \
		-o Dpkg::Options::=--force-unsafe-io -o Acquire::Retries=2 "$@"
}

# True when apt knows where to get every package named.
parley_apt_knows() {
	for name in "$@"; do
		LC_ALL=C apt-cache policy "$name" 2>/dev/null | grep -q 'Candidate: [^(]' || return 1
	done
}

parley_apt_install() {
	case $prefix in sudo*) sudo -v || return 1 ;; esac
	# An apt that was interrupted left packages unpacked and not configured; nothing to do otherwise.
	$prefix dpkg --configure -a >>"$log" 2>&1 || :
	if ! parley_apt_knows "$@"; then
		parley_run 'Debian package lists' parley_apt update || :
	fi
	parley_run 'Debian packages' parley_apt install --no-install-recommends "$@" && return 0
	# Stale lists name files that are gone, and a broken dependency blocks everything after it: mend both, once.
	parley_run 'Debian package lists' parley_apt update || return 1
	parley_run 'mending Debian packages' parley_apt -f install || :
	parley_run 'Debian packages' parley_apt install --no-install-recommends "$@"
}

parley_has_npm() {
	command -v npm >/dev/null 2>&1 || return 1
	case $(npm --version 2>/dev/null || :) in
		[1-6].* | '') return 1 ;;
	esac
}

# npm skips optional packages whose `engines` exclude the Node that runs it: under Debian's Node 18 the page could not be
# built. So the pinned Node comes first, alone, with the checksum of package-lock.json, and npm runs under it.
parley_toolchain() {
	tool=$work/toolchain
	tool_bin=$tool/node_modules/$pinned/bin
	case $(command -v node >/dev/null 2>&1 && node --version) in
		v24.*) tool_bin='' && return 0 ;;
	esac
	[ -n "$pinned" ] || return 0
	if [ -x "$node" ]; then
		mkdir -p "$tool_bin"
		ln -f "$node" "$tool_bin/node" 2>/dev/null || cp "$node" "$tool_bin/node"
		return 0
	fi
	entry=$(sed -n "\\|\"node_modules/$pinned\"|,/}/p" "$root/package-lock.json")
	version=$(printf '%s\n' "$entry" | sed -n 's/.*"version": "\([^"]*\)".*/\1/p')
	integrity=$(printf '%s\n' "$entry" | sed -n 's/.*"integrity": "\([^"]*\)".*/\1/p')
	mkdir -p "$tool"
	printf '{"name":"toolchain","private":true,"dependencies":{"%s":"%s"}}\n' "$pinned" "$version" >"$tool/package.json"
	printf '{"name":"toolchain","lockfileVersion":3,"requires":true,"packages":{"":{"name":"toolchain","dependencies":{"%s":"%s"}},"node_modules/%s":{"version":"%s","integrity":"%s"}}}\n' \
		"$pinned" "$version" "$pinned" "$version" "$integrity" >"$tool/package-lock.json"
	parley_run "Node $version" parley_npm "$tool"
}

# parley_npm FOLDER [OPTION...]: install scripts are not run; no package of ours needs one.
parley_npm() {
	cd "$1"
	shift
	# npm looks for the machine's settings (proxy, certificate authorities) beside the node that runs it; under the pinned
	# one it would not find them.
	NPM_CONFIG_GLOBALCONFIG=$(npm config get globalconfig 2>/dev/null || :)
	[ -n "$NPM_CONFIG_GLOBALCONFIG" ] || unset NPM_CONFIG_GLOBALCONFIG
	[ -z "${NPM_CONFIG_GLOBALCONFIG:-}" ] || export NPM_CONFIG_GLOBALCONFIG
	[ -z "${tool_bin:-}" ] || PATH=$tool_bin:$PATH
	export PATH
	exec npm ci --ignore-scripts --no-audit --no-fund --prefer-offline --loglevel=http "$@"
}

parley_npm_install() {
	if ! [ -w "$root" ] || { [ -d "$root/node_modules" ] && ! [ -w "$root/node_modules" ]; }; then
		parley_say "$root is not writable by $(id -un): give it to that user, or run as its owner"
		exit 4
	fi
	parley_toolchain || return 1
	omit=--omit=dev
	[ "$npm_set" = runtime ] || omit=--include=dev
	parley_run "npm packages ($npm_set set)" parley_npm "$root" "$omit" || return 1
	mkdir -p "$stamps"
	printf '%s\n' "$lock_sum" >"$stamps/$npm_set"
	rm -rf "$work/toolchain"
}

# node_modules that npm filled without the launcher: looked through once, stamped, and left alone.
parley_adopt() {
	[ -n "$pinned" ] && [ -x "$node" ] && [ -r "$root/node_modules/.package-lock.json" ] || return 1
	found=$("$node" "$root/apps/cli/src/install/installed-packages.ts" "$root") || return 1
	case $found in full | "$npm_set") ;; *) return 1 ;; esac
	mkdir -p "$stamps" && printf '%s\n' "$lock_sum" >"$stamps/$found"
}

parley_why() {
	{ parley_debian_packages; parley_bootstrap_packages; } | while IFS='|' read -r set name why; do
		[ "$name" != "$1" ] || printf '%s' "$why"
	done
}

parley_list() {
	echo 'Parley needs packages that are not installed yet:'
	if [ "$npm_needed" = yes ]; then
		if [ "$npm_set" = full ]; then size='about 500 MB on disk'; else size='about 290 MB on disk'; fi
		printf '  %-20s %s\n' "npm, $npm_set set" "package-lock.json, Node 24 included ($size, in node_modules)"
	fi
	for name in $missing; do
		printf '  %-20s %s\n' "$name" "$(parley_why "$name")"
	done
	[ -n "$missing" ] && command -v apt-get >/dev/null 2>&1 || return 0
	# shellcheck disable=SC2086 # a list of names
	LC_ALL=C apt-get --print-uris -qq -y --no-install-recommends install $missing 2>/dev/null |
		awk '$3 ~ /^[0-9]+$/ { bytes += $3 } END { if (bytes) printf "  Debian packages: %.0f MB to download, with what they depend on\n", bytes / 1e6 }'
}

# What this machine can install of what is missing; the rest is named, and left out of `missing`.
parley_debian_possible() {
	prefix=$(parley_root_prefix)
	if [ -n "$missing" ] && { [ -z "$prefix" ] || ! command -v apt-get >/dev/null 2>&1; }; then
		if [ "$bootstrap" = yes ]; then
			parley_say 'npm is not installed, and without root it cannot be: as root, run: apt-get install -y nodejs npm'
			exit 5
		fi
		parley_say "not installed: $(echo $missing); as root, run: apt-get install -y --no-install-recommends $(echo $missing)"
		parley_say 'starting the rest without them'
		missing=''
	fi
}

parley_refuse() {
	parley_say "$1"
	if [ "$command_name" = doctor ] && [ "$json" = yes ]; then
		printf '{"ok":false,"checks":[{"id":"npm-packages","status":"missing","required":true,"found":"not installed","enables":"everything","fix":"./parley up --yes"}]}\n'
		exit 1
	fi
	exit 5
}

parley_consent() {
	if [ "$may_install" = no ]; then
		parley_refuse 'its npm packages are not installed; to install them and start, run: ./parley up (--yes goes without asking)'
	fi
	parley_list >&2
	if [ "$offline" = yes ]; then
		[ "$npm_needed" = no ] || parley_refuse '--offline: nothing is fetched, and without the npm packages nothing can run'
		parley_say '--offline: nothing is fetched; starting the rest'
		return 1
	fi
	[ "$assume_yes" = no ] || return 0
	parley_on_terminal || parley_refuse "nobody to ask; to install these, run: ./parley $command_name --yes"
	printf 'Install them now? [Y/n] ' >&2
	read -r answer || answer=n
	case $answer in
		'' | [Yy]*) return 0 ;;
	esac
	[ "$npm_needed" = no ] || parley_refuse 'without the npm packages nothing can run'
	return 1
}

parley_install() {
	. "$root/scripts/packages.sh"
	npm_needed=no bootstrap=no
	if ! npm_is_there; then
		# A tree that had the test set keeps it: `up` after an update must not take the developer's tools away.
		[ ! -d "$root/node_modules/typescript" ] || [ "$may_install" = no ] || npm_set=full
		parley_adopt || npm_needed=yes
	fi
	if [ "$npm_needed" = yes ] && [ "$may_install" = yes ] && ! parley_has_npm; then
		bootstrap=yes
		missing="$(parley_bootstrap_packages | cut -d'|' -f2) $missing"
	fi
	[ "$may_install" = no ] || parley_debian_possible
	[ "$npm_needed" = yes ] || [ -n "$missing" ] || return 0
	parley_consent || return 0

	trap parley_interrupted INT TERM HUP
	mkdir -p "$work" 2>/dev/null || { parley_say "cannot write to $root" && exit 4; }
	if command -v flock >/dev/null 2>&1; then
		exec 9>"$work/install.lock"
		flock -n 9 || { parley_say 'another installation is running here; waiting for it' && flock 9; }
		if [ "$npm_needed" = yes ] && npm_is_there; then npm_needed=no; fi
	fi
	: >"$log"
	debian_done=yes
	if [ -n "$missing" ]; then
		# shellcheck disable=SC2086 # a list of names
		parley_apt_install $missing || debian_done=no
		sync
	fi
	if [ "$debian_done" = no ]; then
		parley_say "some Debian packages could not be installed (is there a network?); see $log"
		[ "$bootstrap" = no ] || ! [ "$npm_needed" = yes ] || exit 5
		parley_say 'starting the rest without them'
	fi
	if [ "$npm_needed" = yes ] && ! parley_npm_install; then
		if grep -qE 'ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH' "$log"; then
			parley_say 'the npm registry cannot be reached: check the network or the proxy (npm config get registry), then run this again'
		else
			parley_say "the npm packages could not be installed; see $log, then run this again"
		fi
		exit 5
	fi
	if command -v flock >/dev/null 2>&1; then exec 9>&-; fi
	trap - INT TERM HUP
}
