# What the cluster is made of; read by start, stop and health. Any of it may be set in the environment, such as
#   RECOGNISE_PORTS="8001 8011 8021" ./start recognise
RECOGNISE_PORTS=${RECOGNISE_PORTS:-8001 8011}
SYNTHESISE_PORTS=${SYNTHESISE_PORTS:-8002 8012}
RECOGNISE_FRONT=${RECOGNISE_FRONT:-8000}
SYNTHESISE_FRONT=${SYNTHESISE_FRONT:-8003}
STATUS_PORT=${STATUS_PORT:-8080}
# Connections one instance takes. One that recognises needs a slot too (./health shows them).
CONNECTIONS=${CONNECTIONS:-50}
# The part of the machine that is one instance's.
SHARE=${SHARE:-0.5}
# "" or --sticky: the same client to the same instance.
STICKY=${STICKY:-}
READY_WITHIN_S=${READY_WITHIN_S:-60}

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
root=$(CDPATH='' cd -- "$here/../.." && pwd -P)
# Keys, logs, process ids, and nginx's own folder.
CLUSTER_DIR=${CLUSTER_DIR:-$here/run}

ports_of() {
	case $1 in
		recognise) echo "$RECOGNISE_PORTS" ;;
		synthesise) echo "$SYNTHESISE_PORTS" ;;
	esac
}

# Is the process of this file running, and still the one that was started?
is_running() {
	[ -r "$1" ] || return 1
	read -r pid <"$1" || return 1
	kill -0 "$pid" 2>/dev/null && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q -- "$2"
}
