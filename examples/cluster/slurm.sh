#!/bin/bash
# A sweep as a Slurm job: Ray's head and the driver on the first node, a worker of Ray's on each of the others.
#   sbatch examples/cluster/slurm.sh sweep.yaml --set resources.gpus=auto
# Before the time limit the sweep saves, the job is queued again, and goes on by itself where it was; `scancel` ends it.
# Only the first node writes the sweep's folder, but after a requeue that may be another one: keep it where all nodes see
# it, as Slurm's homes are. CONVSCAPE_ENV names the virtual environment with Convscape, which all nodes must see, too.
#SBATCH --job-name=convscape
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --gpus-per-node=1
#SBATCH --time=08:00:00
#SBATCH --signal=B:USR1@600
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=convscape-%j.log
set -euo pipefail

sweep=${1:?"usage: sbatch slurm.sh SWEEP.yaml [more of convscape launch]"}
shift
limit="" running=""
trap 'limit=1; [[ -z $running ]] || kill -TERM "$running"' USR1   # a sweep lets the running epochs end and saves
trap '[[ -z $running ]] || kill -TERM "$running"; exit 143' TERM

# Runs a command whose end, unlike that of one in the foreground, no signal has to wait for.
watched() {
    "$@" &
    running=$!
    [[ -z $limit ]] || kill -TERM "$running"  # it came a moment ago
    local status=0
    wait "$running" || status=$?
    while kill -0 "$running" 2>/dev/null; do   # a signal ended `wait`, not the command
        status=0
        wait "$running" || status=$?
    done
    running=""
    return "$status"
}

# shellcheck source=/dev/null
source "${CONVSCAPE_ENV:-$HOME/convscape-env}/bin/activate"

# A token of this job's own, which Slurm hands to the other nodes in the environment: no file has it.
RAY_AUTH_TOKEN=$(python -c 'import secrets; print(secrets.token_hex(32))')
export RAY_AUTH_TOKEN RAY_AUTH_MODE=token
address=$(getent ahostsv4 "$(hostname)" | awk 'NR == 1 { print $1 }')
port=$(python -c 'import socket; s = socket.socket(); s.bind(("", 0)); print(s.getsockname()[1])')  # others have 6379
# Both are counted by Ray otherwise, those of other jobs on the node, too.
node=(--block --disable-usage-stats --log-color=false
    "--num-cpus=$SLURM_CPUS_PER_TASK" "--num-gpus=${SLURM_GPUS_ON_NODE:-0}")

# Ray gives a node that starts half a minute, which a busy one may need twice.
starting() {
    local ray ended=""
    trap 'ended=1; kill -TERM "$ray"' TERM
    for _ in 1 2 3; do
        "$@" >/dev/null &
        ray=$!
        wait "$ray" && return
        [[ -z $ended ]] || { wait "$ray"; return; }
    done
}

starting ray start --head "--node-ip-address=$address" "--port=$port" --include-dashboard=false --dashboard-port=0 "--ray-client-server-port=$((port + 1))" \
    "--temp-dir=/tmp/ray-$SLURM_JOB_ID" "${node[@]}" &
rays=($!)
others=$((SLURM_JOB_NUM_NODES - 1))
if ((others)); then
    srun "--nodes=$others" "--ntasks=$others" "--cpus-per-task=$SLURM_CPUS_PER_TASK" "--exclude=$SLURMD_NODENAME" \
        bash -c '"$@" || "$@" || "$@"' _ ray start "--address=$address:$port" "${node[@]}" >/dev/null &
    rays+=($!)
fi

# How many trials run at a time is told from the nodes that are there when the sweep begins: wait for all, ten minutes.
status=0
watched python -c '
import subprocess, sys, time
program = "import ray, sys; ray.init(sys.argv[1], logging_level=50); print(sum(n[\"Alive\"] for n in ray.nodes()))"
until, joined = time.monotonic() + 600, "0"
while int(joined) < int(sys.argv[2]) and time.monotonic() < until:
    time.sleep(1)
    asked = subprocess.run([sys.executable, "-c", program, sys.argv[1]], capture_output=True, text=True)
    joined = asked.stdout.strip() if asked.returncode == 0 else "0"
print(f"{joined} of {sys.argv[2]} nodes have joined", flush=True)
' "$address:$port" "$SLURM_JOB_NUM_NODES" || status=$?
if [[ -z $limit ]]; then
    status=0
    watched convscape launch "$sweep" --resume --set "resources.address=$address:$port" "$@" || status=$?
fi

kill -TERM "${rays[@]}" 2>/dev/null || true
wait || true
rm -rf "/tmp/ray-$SLURM_JOB_ID"
# 0: saved with a winner so far; 3: without one yet; 130 and 143: it had hardly begun. Others would fail again.
if [[ $limit && " 0 3 130 143 " == *" $status "* ]]; then
    echo "The time limit is near: saved, and queued again."
    exec scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"
