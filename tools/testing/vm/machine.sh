# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0
#
# What uml-run and qemu-run have in common; they source it. How a command gets
# into a machine and its status out of it is told by files in the directory
# "run", which the machine sees under the same path.

cache=${XDG_CACHE_HOME:-$HOME/.cache}/seg6-manycast
flavour=regular
travel=
mem=
log=/dev/null
limit=0
writable=("$PWD")
kernel_args=()
vars=("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	"HOME=/tmp" "TERM=${TERM:-dumb}" "LANG=C.UTF-8")
tty=
saved_tty=
machine=
cats=()

die() {
	echo "$(basename "$0"): $*" >&2
	exit 1
}

# The comment at the head of the script.
usage() {
	sed -n '4,/^$/s/^# \{0,1\}//p' "$0" >&2
	exit 2
}

# Sets the variables above, and command to what is left.
parse_options() {
	local option

	while getopts f:m:l:st:w:k:e: option; do
		case $option in
		f) flavour=$OPTARG ;;
		m) mem=$OPTARG ;;
		l) log=$OPTARG ;;
		s) flavour=timetravel travel=yes ;;
		t) limit=$OPTARG ;;
		w) writable+=("$(cd "$OPTARG" && pwd)") ;;
		k) kernel_args+=("$OPTARG") ;;
		e) vars+=("$OPTARG") ;;
		*) usage ;;
		esac
	done
	shift $((OPTIND - 1))
	(($#)) || usage
	command=("$@")
}

# What init is to run, as a shell script: this also carries the quoting.
write_command() {
	local rows cols

	printf 'cd %q || exit 125\n' "$PWD"
	if [[ -n $tty ]]; then
		read -r rows cols < <(stty size <"$tty")
		echo "stty rows $rows cols $cols"
	fi
	printf 'exec env -i'
	printf ' %q' "${vars[@]}" "$@"
	echo
}

# The places where daemons write are hidden, for init to mount.
fstab_kernel() {
	cat <<-END
		sys	/sys			sysfs
		debug	/sys/kernel/debug	debugfs
		cgroup	/sys/fs/cgroup		cgroup2
		devpts	/dev/pts	devpts	X-mount.mkdir,mode=620,ptmxmode=666
		shm	/dev/shm	tmpfs	X-mount.mkdir
		run	/run		tmpfs	mode=755
	END
}

fstab_hide() {
	local dir

	for dir in /tmp /var/tmp /var/log /var/lib/nginx; do
		[[ ! -d $dir ]] || echo "tmpfs $dir tmpfs"
	done
}

# Each directory once, as fstab wants it.
fstab_names() {
	printf '%s\n' "${@// /\\040}" | sort -u
}

# The machine leads a session of its own, which holds all of its processes.
# shellcheck disable=SC2317 # the trap calls it
stop() {
	[[ -z $machine ]] || pkill -KILL -s "$machine" || true
	[[ -z $tty ]] || stty "$saved_tty" <"$tty"
	rm -rf "$run"
}

# Its name is on the kernel's command line and from there in its random numbers:
# where these must not differ it is always the same one, for one at a time.
make_run() {
	if [[ -z $travel ]]; then
		run=$(mktemp -d "${TMPDIR:-/tmp}/machine.XXXXXX")
		return
	fi
	exec 7>"$cache/timetravel.lock"
	if ! flock -n 7; then
		echo "uml-run: waiting for another simulation" >&2
		flock 7
	fi
	run=/tmp/machine.timetravel
	rm -rf "$run"
	mkdir "$run"
}

prepare() {
	: >"$log"
	if [[ -t 0 && -t 1 ]]; then
		tty=$(tty)
		saved_tty=$(stty -g)
	fi

	make_run
	trap stop EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP

	write_command "${command[@]}" >"$run/command"
	# Reached by a path without spaces: it is on the kernel command line.
	ln -s "$here/init" "$run/init"
}

# Pipes that bring out what COMMAND says: the machine makes what it opens
# non-blocking, which must not reach our own stdout and stderr.
open_pipes() {
	mkfifo "$run/stdout" "$run/stderr"
	cat "$run/stdout" &
	cats+=($!)
	cat "$run/stderr" >&2 &
	cats+=($!)
}

# Wait for the machine, and exit as COMMAND did.
finish() {
	local late=

	disown "$machine" # or bash would tell how it ended
	# In the background, so that a signal to us is not kept waiting.
	timeout "$limit" tail -s 0.05 --pid="$machine" -f /dev/null \
		>/dev/null &
	wait $! || late=yes
	pkill -KILL -s "$machine" || true
	wait "${cats[@]}" || true

	if [[ -s $run/status ]]; then
		exit "$(<"$run/status")"
	elif [[ -n $late ]]; then
		echo "$(basename "$0"): stopped after $limit seconds" >&2
		exit 124
	else
		[[ ! -s $run/qemu ]] || cat "$run/qemu" >&2
		echo "$(basename "$0"): the kernel died; its log is $log" >&2
		exit 125
	fi
}
