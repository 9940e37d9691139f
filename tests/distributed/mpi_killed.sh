#!/bin/sh
# Fifty launches (mpirun … as arguments, the round is added), in each of which one rank dies at a random moment: the
# launcher fails in time, and no rank stays. Ten at once, as a launcher mostly sleeps when it ends.
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fail() {
  echo "round $round: $1"
  cat "$folder/$round"
  exit 1
}
for batch in 0 1 2 3 4; do
  for i in 1 2 3 4 5 6 7 8 9 10; do
    round=$((10 * batch + i))
    # A folder each for Open MPI's sockets: one that ends removes the common one while another makes it.
    mkdir "$folder/t$round"
    (TMPDIR="$folder/t$round" timeout 60 "$@" $round >"$folder/$round" 2>&1; echo "launcher ended with $?" >>"$folder/$round") &
  done
  wait
  for i in 1 2 3 4 5 6 7 8 9 10; do
    round=$((10 * batch + i))
    grep -q "launcher ended with" "$folder/$round" || fail "no end"
    grep -q "launcher ended with \(0\|124\)$" "$folder/$round" && fail "it ended well, or not in 60 s"
    grep -q "ended well" "$folder/$round" && fail "a rank ended well"
    processes=$(sed -n 's/^process \([0-9]*\)$/\1/p' "$folder/$round")
    [ "$(echo "$processes" | wc -w)" = 3 ] || fail "not three ranks said that they came"
    for process in $processes; do
      kill -0 "$process" 2>/dev/null && sleep 2 && kill -0 "$process" 2>/dev/null && fail "process $process is still there"
    done
  done
done
echo "50 rounds"
exit 0
