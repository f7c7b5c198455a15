import { test } from "uvu";
import * as assert from "uvu/assert";
import { patientCall } from "../../local/patient-call.ts";
import { TransientError, UserError } from "../../src/errors.ts";
import { rejects } from "../rejects.ts";

/** A call that fails as often as there are errors, then answers. */
function failing(...errors: Error[]) {
  const said: string[] = [];
  const inner = async (): Promise<{ status: number; body: unknown }> => {
    const error = errors.shift();
    if (error !== undefined) throw error;
    return { status: 200, body: "answer" };
  };
  const call = patientCall(inner, {
    seconds: 60,
    pauseSeconds: 0,
    silent: ({ message }) => said.push(message),
    goOn: () => errors.length < 5,
  });
  return { call, said };
}

test("a question is asked again while Airflow is silent, and the silence is told once", async () => {
  const { call, said } = failing(new TransientError("silent"));
  assert.is((await call("GET", "/dags")).body, "answer");
  assert.equal(said, ["silent"]);
});

test("what changes something is asked once", async () => {
  const { call } = failing(new TransientError("silent"));
  await rejects(call("POST", "/dags/a/dagRuns"), /silent/);
});

test("what a person has to mend is told at once, and so is a stack that was stopped", async () => {
  await rejects(failing(new UserError("refused")).call("GET", "/dags"), /refused/);
  await rejects(failing(...Array.from({ length: 9 }, () => new TransientError("gone"))).call("GET", "/dags"), /gone/);
});

test.run();
