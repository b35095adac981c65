// What the guests do: shell text, run by guest-init.sh.

/** Rounds and tables of the workload: a few thousand events, some seconds under emulation. */
const WORKLOAD = 'munmap-workload 20 16';
const ENDLESS = 'munmap-workload 100000 16 1';

const COMMON = `
cd /tmp
PT="node /pttrace/bin/run.js"
same() {
  tracefs_state >now.txt
  if diff before.txt now.txt; then echo "[tracefs] $1: as it was before"; else echo "[tracefs] $1: CHANGED"; fi
}
tracefs_state >before.txt
`;

/** Takes the kernel-info file, by the command that the documentation shows. */
export const infoJob = (command) => `${command}\ncd /tmp\nsend kernel-info.txt /tmp/kernel-info.txt\n`;

/** Runs printed scripts with the workload. */
export const scriptsJob = (tools) =>
  COMMON +
  tools
    .map(
      (tool) => `
echo "[run] sh ${tool}.sh ${tool}.gz ${WORKLOAD}"
sh /scripts/${tool}.sh ${tool}.gz ${WORKLOAD}
echo "[exit] ${tool} $?"
same "after the ${tool} script"
send ${tool}.gz ${tool}.gz
`,
    )
    .join('');

/** Levels that show readers. */
export const READER_LEVELS = ['readers', 'locks', 'full'];
/** Runs record and lets it end; at a level that shows readers also beside these kinds of walkers. */
export const recordJob = (level, kinds) => `${COMMON}
echo "[run] pttrace record --level ${level} -o live.gz -- ${WORKLOAD}"
$PT record --level ${level} -o live.gz -- ${WORKLOAD}
echo "[exit] record $?"
same "after record"
send live.gz live.gz
${kinds.map((kind) => walkedJob(level, kind)).join('')}`;

const walkedJob = (level, kind) => `
echo "[run] pttrace record --level ${level} --comm 'rd-*,wk-*' -o walked-${kind}.gz -- reader-workload ${kind} ${READER_KINDS[kind]}"
$PT record --level ${level} --comm 'rd-*,wk-*' -o walked-${kind}.gz -- reader-workload ${kind} ${READER_KINDS[kind]}
echo "[exit] walked-${kind} $?"
same "after record of ${kind}"
send walked-${kind}.gz walked-${kind}.gz
rm walked-${kind}.gz
`;

/** Kills record with each signal. */
export const signalsJob = (level) => `${COMMON}
started() { until grep -q '^recording:' $1.log || ! kill -0 $p; do sleep 1; done; sleep 2; }
for s in INT TERM KILL; do
  echo "[run] pttrace record --level ${level} -o $s.gz -- ${ENDLESS} & kill -$s"
  $PT record --level ${level} -o $s.gz -- ${ENDLESS} >$s.log 2>&1 &
  p=$!
  started $s
  kill -$s $p
  wait $p
  echo "[exit] SIG$s $?"
  [ $s != KILL ] || break
  same "after SIG$s"
  send $s.gz $s.gz
done
killall munmap-workload 2>/dev/null
same "after SIGKILL, before the recovery command"
echo "[run] pttrace record --cleanup"
$PT record --cleanup
echo "[exit] cleanup $?"
same "after SIGKILL and pttrace record --cleanup"
if [ -f /scripts/ftrace.sh ]; then
  echo "[run] sh ftrace.sh script-killed.gz ${ENDLESS} & kill -KILL"
  sh /scripts/ftrace.sh script-killed.gz ${ENDLESS} >script.log 2>&1 &
  p=$!
  until grep -q 'recording:' script.log || ! kill -0 $p; do sleep 1; done
  kill -KILL $p; wait $p
  killall munmap-workload 2>/dev/null
  $PT record --cleanup
  same "after the ftrace script was killed, and pttrace record --cleanup"
fi
`;

/** Kinds of `reader-workload`, and the rounds that give some ten thousand events under emulation. */
export const READER_KINDS = {
  reclaim: 3,
  collapse: 2,
  shmem: 3,
  hugetlb: 6,
  mremap: 3,
  pageout: 3,
  pfnmap: 3,
  munmap: 3,
};

/** Those of a list that there are. */
export const kindsOf = (list) => list.split(',').filter((kind) => kind in READER_KINDS);

/** Runs `SCRIPT.sh` of a level that shows readers, one recording `NAME.gz` for each kind of workload. */
export const readersJob = (runs) =>
  COMMON +
  runs
    .map(
      ({ script, kind, name }) => `
echo "[run] sh ${script}.sh ${name}.gz reader-workload ${kind} ${READER_KINDS[kind]}"
sh /scripts/${script}.sh ${name}.gz reader-workload ${kind} ${READER_KINDS[kind]}
echo "[exit] ${name} $?"
same "after ${name}"
send ${name}.gz ${name}.gz
rm ${name}.gz
`,
    )
    .join('');

/** What each script costs the munmap loop: the loop alone and under every one of them, in turn, `rounds` times. */
export const overheadJob = (scripts, rounds) => `${COMMON}
cs() { sed 's/ .*//; s/\\.//' /proc/uptime; }
loop() { t0=$(cs); ${WORKLOAD} >/dev/null; echo "[loop] $1 $(($(cs) - t0))"; }
cat >loop.sh <<'LOOP'
cs() { sed 's/ .*//; s/\\.//' /proc/uptime; }
t0=$(cs); ${WORKLOAD} >/dev/null; echo "[loop] $1 $(($(cs) - t0))"
LOOP
for round in $(seq ${rounds}); do
  loop none
  for s in ${scripts.join(' ')}; do
    sh /scripts/$s.sh $s.gz sh loop.sh $s
    zcat $s.gz | grep -m1 '^# pttrace: overhead' | sed "s/^# pttrace: overhead/[null] $s/"
    echo "[events] $s $(zcat $s.gz | grep -vc '^#')"
  done
done
`;
