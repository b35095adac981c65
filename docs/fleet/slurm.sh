#!/bin/sh
# A Slurm array: each task answers one shard; a job behind it merges. Run it in a folder that all nodes see:
#   pttrace shard plan recordings/ --plan plan.json --shards 32
#   sh slurm.sh 32
# A task that is requeued (node failure, preemption) goes on where it was.
set -eu

shards=${1:?number of shards in plan.json}

array=$(sbatch --parsable --job-name=pttrace --array="0-$((shards - 1))" --requeue --cpus-per-task=2 --mem=2G \
  --output='shard-%a.log' --wrap='pttrace shard run --plan plan.json --results results --shard "$SLURM_ARRAY_TASK_ID" --jobs 2')
sbatch --job-name=pttrace-merge --dependency="afterok:$array" --mem=2G --output=report.json --error=merge.log \
  --wrap='pttrace shard merge --plan plan.json --results results --json'
