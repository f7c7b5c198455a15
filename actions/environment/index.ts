import { runAction } from "../run-action.ts";
import { inputs, run } from "./main.ts";

await runAction(inputs, run);
