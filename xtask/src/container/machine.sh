# Boots one machine. Called by machine.rs in mount and process name spaces of its own; all that is mounted here is seen by
# nobody else and goes with the last process.
#
#   $1 name of the machine   $2 root to copy   $3 an empty folder to mount on   $4… control groups to enter
set -eu
name=$1 root=$2 scratch=$3
shift 3
for group; do
    echo 0 >"$group/cgroup.procs"
done

# Changes go to memory: no disk is filled, and an upper layer on tmpfs works even where the host's disk is an overlay itself.
mount -t tmpfs -o mode=0755 machine "$scratch"
mkdir "$scratch/changes" "$scratch/work" "$scratch/root"
mount -t overlay -o "lowerdir=$root,upperdir=$scratch/changes,workdir=$scratch/work" machine "$scratch/root"

# --register=no, --keep-unit: no systemd need run on the host. --resolv-conf, --timezone: nothing of the host shows inside.
exec systemd-nspawn --quiet --boot --register=no --keep-unit --network-veth --resolv-conf=off --timezone=off --link-journal=no \
    --machine="$name" --hostname=machine --console=read-only --directory="$scratch/root"
