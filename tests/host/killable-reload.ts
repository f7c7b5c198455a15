// One reload in a process of its own, killed with -9 at its n-th change: `node killable-reload.ts HOME BUCKET VERDICT N` (0: never).
import { countChanges, killAt } from "./kill-at.ts";
import { reloadOnce } from "./reload-once.ts";

const [home = "", bucket = "", verdict = "good", change = "0"] = process.argv.slice(2);
const changes = countChanges(killAt(Number(change)));
const outcome = await reloadOnce(home, bucket, verdict, changes);
process.stdout.write(JSON.stringify({ ...outcome, changes: changes.count() }));
