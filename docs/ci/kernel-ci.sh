#!/bin/sh
# A gate for any CI that runs shell jobs: judges recordings, leaves reports, prints the way to each witness.
#   usage: kernel-ci.sh POLICY TRACE…     environment: OUT, folder for the reports (default: reports)
# Exit status: that of pttrace validate (0 green, 1 red, 2 faulty policy, 3 unreadable recording).
set -u

if [ "$#" -lt 2 ]; then
  echo "usage: $0 POLICY TRACE..." >&2
  exit 2
fi
if ! command -v pttrace >/dev/null; then
  echo "$0: pttrace is not installed (docs/install.md; Node 20 or newer)" >&2
  exit 2
fi

policy=$1
shift
out=${OUT:-reports}
mkdir -p "$out" || exit 2

# To record first, on the test machine, as root:
#   pttrace record --level tables -o "$out/trace.gz" -- stress-ng --mmap 4 --timeout 10

pttrace validate "$@" --policy "$policy" --plain \
  --junit "$out/junit.xml" --sarif "$out/pttrace.sarif" >"$out/gate.txt"
status=$?
cat "$out/gate.txt"

# The life of what each failed check is about, one file per command.
n=0
sed -n 's/^ *next: \(pttrace show .*\)$/\1/p' "$out/gate.txt" | sort -u | while IFS= read -r command; do
  n=$((n + 1))
  { printf '$ %s\n' "$command"; sh -c "$command"; } >"$out/witness-$n.txt" 2>&1
  printf 'witness: %s (%s)\n' "$out/witness-$n.txt" "$command"
done

exit "$status"
