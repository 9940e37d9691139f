#!/bin/sh
# The demo under torchrun: torchrun.sh <train_text>. At the first attempt its second rank ends while they train, so
# torchrun starts both once more; those train to the end. Ends with 77 where there is no torchrun.
if command -v torchrun >/dev/null; then
  launch=torchrun
elif python3 -c 'import torch.distributed.run' 2>/dev/null; then
  launch="python3 -m torch.distributed.run"
else
  echo "skipped: no torchrun is on PATH, and python3 has no torch (pip install torch)"
  exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/0" "$folder/1"
i=0
while [ $i -lt 400 ]; do
  echo "sentence $i of a text that a small model can learn from"
  i=$((i + 1))
done >"$folder/text"
cat >"$folder/rank" <<'RANK'
#!/bin/sh
cd "$FOLDER/$TORCHELASTIC_RESTART_COUNT" || exit 1
set -- "$TRAIN_TEXT" --text "$FOLDER/text" --window 8 --width 32 --layers 2 --batch 8 --context 32
[ "$TORCHELASTIC_RESTART_COUNT" = 1 ] && exec "$@" --steps 30 --every 15
[ "$RANK" = 0 ] && exec "$@" --steps 100000000 --every 15
"$@" --steps 100000000 --every 15 &
until grep -q '"step":15,' run.jsonl 2>/dev/null; do
  kill -0 $! || exit 1
  sleep 0.1
done
kill -KILL $!
exit 3
RANK
chmod +x "$folder/rank"
export FOLDER="$folder" TRAIN_TEXT="$1"
timeout 100 $launch --standalone --nproc-per-node 2 --max-restarts 1 --no-python "$folder/rank" >"$folder/out" 2>&1
code=$?
lines=$(cat "$folder/1/run.jsonl" 2>/dev/null | wc -l)
if [ $code != 0 ] || [ "$lines" != 7 ] || ! grep -q '"world_size":2' "$folder/1/run.jsonl"; then
  cat "$folder/out"
  echo "$launch ended with $code; the run file has $lines lines"
  exit 1
fi
echo "two attempts under $launch"
