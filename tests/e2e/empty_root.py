"""A root with nothing in it but a program and the directories that it is given: what a static binary must
do with. No /etc, /proc or /dev; all of it but those directories and /run is read-only."""

import os

# The mounts are of this process alone and end with it. It becomes the program: the pid stays the same.
_BECOME = r"""
set -eu
root=$1 program=$2 given=$3
shift 3
mount --make-rprivate /
mount -t tmpfs -o mode=755,size=4m root "$root"
: >"$root/becaused"
mount --bind "$program" "$root/becaused"
mkdir "$root/run"
mount -t tmpfs -o mode=755 run "$root/run"
while IFS=: read -r way path source; do
    [ -n "$path" ] || continue
    mkdir -p "$root$path"
    mount --bind "$source" "$root$path"
    [ "$way" = rw ] || mount -o remount,bind,ro "$root$path"
done <<GIVEN
$given
GIVEN
mount -o remount,bind,ro "$root"
exec chroot "$root" /becaused "$@"
"""


def inside(root, program, arguments, writable=(), readable=(), instead=None):
    """The command that runs `program` with `root`, an empty directory, as its root. The directories are
    where they are outside; `instead` names others for some paths: {"/etc": directory}."""
    os.makedirs(root, exist_ok=True)
    given = [f"ro:{path}:{path}" for path in readable]
    given += [f"rw:{path}:{path}" for path in writable]
    given += [f"ro:{path}:{source}" for path, source in (instead or {}).items()]
    return ["unshare", "--mount", "bash", "-c", _BECOME, "empty root", root, program,
            "\n".join(given), *arguments]
