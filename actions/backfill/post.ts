import * as core from "@actions/core";
import { decodeHostRequest } from "../../src/backfill/host-request.ts";
import { runAction } from "../run-action.ts";
import { cancelUnfinished } from "./cancel-unfinished.ts";
import { inputs, UNFINISHED } from "./main.ts";

// Empty when main.ts began none or saw its end: then its inputs may be wrong, which main.ts has said.
const unfinished = core.getState(UNFINISHED);
if (unfinished !== "")
  await runAction(inputs, ({ environment }, services) => cancelUnfinished(environment, decodeHostRequest(unfinished), services));
