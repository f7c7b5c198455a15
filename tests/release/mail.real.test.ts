import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { renderDag } from "../../src/release/render-dag.ts";
import { runPython, type ScratchAirflow, scratchAirflow, writeDag } from "./airflow.ts";
import { extractTask, makeDag, transformTask } from "./make-dags.ts";
import { type Mail, type SmtpSink, startSmtpSink } from "./smtp-sink.ts";

let airflow: ScratchAirflow;
let sink: SmtpSink;

const all = { failure: true, retry: true, success: true };
const email = ["data@example.com", "on-call@example.com"];

test.before(async () => {
  sink = await startSmtpSink();
  airflow = scratchAirflow({
    AIRFLOW_CONN_SMTP_DEFAULT: JSON.stringify({
      conn_type: "smtp",
      host: "127.0.0.1",
      port: sink.port,
      extra: { from_email: "dagline@example.com", disable_ssl: true, disable_tls: true },
    }),
  });
  const description = hostile("description");
  const readme = hostile("readme");
  writeDag(airflow, "a_good", renderDag(makeDag({ id: "a_good", description, email, emailOn: all, tasks: [extractTask("good")] }), readme));
  const failing = [extractTask("bad_once", { retries: 0 }), transformTask("after", ["bad_once"])];
  writeDag(airflow, "b_bad", renderDag(makeDag({ id: "b_bad", description, email, emailOn: all, tasks: failing }), readme));
  const retried = makeDag({
    id: "c_retried",
    description,
    email: ["{{ 7 * 7 }}@example.com"],
    emailOn: all,
    tasks: [extractTask("bad_first", { retries: 1 })],
  });
  writeDag(airflow, "c_retried", renderDag(retried, readme));
  writeDag(airflow, "d_quiet", renderDag(makeDag({ id: "d_quiet", email, tasks: [extractTask("bad_quiet")] }), readme));
  await runPython(airflow, [join(import.meta.dirname, "send-mails.py"), airflow.dags, hostile("exception")]);
});

test.after(async () => {
  await sink.stop();
  rmSync(airflow.home, { recursive: true, force: true });
});

test("a run that succeeds is told to everyone once", () => {
  const mail = only("Succeeded: a_good");
  assert.equal([mail.from, mail.to], ["dagline@example.com", email]);
  assert.match(mail.html, escaped(hostile("description")));
});

test("a task that fails is told with its reason, and the run's failing is no success", () => {
  const mail = only("Failed: b_bad.bad_once");
  assert.equal(mail.to, email);
  assert.match(mail.html, escaped(hostile("exception")));
  assert.match(mail.html, escaped(hostile("description")));
  assert.equal(sink.mails.filter(({ subject }) => subject.includes("b_bad")).length, 1);
});

test("a task that will be tried again is told as such, and an address is never a template", () => {
  const mail = only("Will be retried: c_retried.bad_first");
  assert.equal(mail.to, ["{{ 7 * 7 }}@example.com"]);
});

test("a DAG that asks for no mail sends none", () => {
  assert.equal(
    sink.mails.filter(({ raw }) => raw.includes("d_quiet")),
    [],
  );
});

test("nothing that a description, a README or an error holds was evaluated", () => {
  for (const { raw, html } of sink.mails) {
    assert.not.match(`${raw}${html}`, /trap-49|run 49/);
    assert.not.match(html, "<script>");
  }
  assert.not(existsSync(join(airflow.home, "pwned")));
});

function hostile(where: string): string {
  return `${where} trap-{{ 7 * 7 }} {% raw %} <script>alert("x")</script>\n"""'); __import__("os").system("touch pwned") # Grüße 🚕 {}`;
}

/** As Python's html.escape writes it. */
function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;").replaceAll("'", "&#x27;");
}

function only(subject: string): Mail {
  const found = sink.mails.filter((mail) => mail.subject === subject);
  const [mail] = found;
  if (mail === undefined || found.length > 1)
    throw new Error(`${found.length} mails "${subject}" among ${JSON.stringify(sink.mails.map((each) => each.subject))}`);
  return mail;
}

test.run();
