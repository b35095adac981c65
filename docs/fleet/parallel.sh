#!/bin/sh
# GNU parallel, on this machine or on several that see the same folder by the same path:
#   pttrace shard plan recordings/ --plan plan.json --shards 32
#   sh parallel.sh 32                      here, a shard per core at a time
#   sh parallel.sh 32 host1,host2,host3    there, over ssh
# Killed or failed shards: run it again, what is answered stays.
set -eu

shards=${1:?number of shards in plan.json}
hosts=${2:-}

seq 0 "$((shards - 1))" |
  parallel ${hosts:+--sshlogin "$hosts"} --workdir "$PWD" --retries 3 --halt never \
    pttrace shard run --plan plan.json --results results --shard '{}' --jobs 1
pttrace shard merge --plan plan.json --results results --json
