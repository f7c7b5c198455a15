import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Cron, parseCron } from "../../src/time/cron.ts";
import { countTimes, nextTime, previousTime } from "../../src/time/cron-times.ts";

function cronOf(text: string): Cron {
  const cron = parseCron(text);
  if ("message" in cron) throw new Error(`${text}: ${cron.message}`);
  return cron;
}

function hintOf(text: string): string {
  const refusal = parseCron(text);
  return "message" in refusal ? refusal.hint : "taken";
}

test("an expression keeps its text, with one blank between its fields", () => {
  for (const text of [
    "0 9 29 * *",
    "*/5 * * * *",
    "0 0 * * MON-FRI",
    "0 0 * jan *",
    "0 0 L * *",
    "0 0 * * 1#2,FRI#4",
    "0 0 29 2 *",
    "0 0 * * 7",
    "5,10 0-4 1-31/2 * *",
    "00 06 * * *",
    "30 4 1,15 * 5",
    "*/1 */1 */1 * *",
  ]) {
    assert.is(cronOf(text).expression, text);
  }
  assert.is(cronOf(" 0  9 29\t* * ").expression, "0 9 29 * *");
});

test("Sunday ends a week as well as it begins one", () => {
  const weekdays = (text: string): unknown => cronOf(`0 6 * * ${text}`).day;
  assert.equal(weekdays("SAT-SUN"), { kind: "weekdays", weekdays: [0, 6] });
  assert.equal(weekdays("5-7"), { kind: "weekdays", weekdays: [0, 5, 6] });
  assert.equal(weekdays("sun,7"), { kind: "weekdays", weekdays: [0] });
  assert.equal([weekdays("MON-SUN"), weekdays("1-7"), weekdays("0-6"), weekdays("*")], Array(4).fill({ kind: "every day" }));
});

test("a refusal says how to write it", () => {
  const hints: [string, RegExp][] = [
    ["0 22-2 * * *", /`22-23,0-2`/],
    ["0 0 * NOV-FEB *", /`NOV-12,1-FEB`/],
    ["0 0 * * FRI-MON", /`FRI,SAT,SUN,MON`/],
    ["0 0 * * 6-2", /`6,0,1,2`/],
    ["0 0 * * SAT-SUN/2", /`SAT`/],
    ["0 0 * * SUN-SUN", /`SUN`/],
    ["0 0 * * 0-7", /`\*`/],
    ["5/15 * * * *", /`5-59\/15`/],
    ["0 0 * * 1/2", /`1-6\/2`/],
    ["*/60 * * * *", /`0`/],
    ["5-10/6 * * * *", /`5`/],
    ["0 0 */1 * 5", /`\*` as the day of the month/],
    ["0 0 1 * MON-SUN", /`\*` as the day of the week/],
    ["0 0 */2 * 5", /`1-31\/2`/],
    ["0 0 1-15/2 * */2", /`0-6\/2`/],
    ["*,1 * * * *", /`\*` alone/],
    ["0 0 * * MONDAY", /MON/],
    ["0 MON * * *", /Numbers from 0 to 23/],
    ["60 * * * *", /Numbers from 0 to 59/],
    ["0 0 0 * *", /Numbers from 1 to 31/],
    ["0 0 ? * MON", /`\*`/],
    ["0 0 * * 1,3#1", /`MON#1,FRI#3`/],
    ["0 0 * * 1-5#2", /`MON#1,FRI#3`/],
    ["0 0 1 * 1#2", /`\*` as the day of the month/],
    ["0 0 L * 5", /`\*`/],
    ["0 0 30 2 *", /no such day/],
    ["0 0 31 4,6 1", /no such day/],
  ];
  for (const [text, hint] of hints) assert.match(hintOf(text), hint, text);
});

test("what is no cron expression is refused", () => {
  for (const text of [
    "",
    "0 0 * *",
    "0 0 0 * * *",
    "0 0 15W * *",
    "0 0 * * L5",
    "H H * * *",
    "R * * * *",
    "0 0 * * 1,,2",
    "*/0 * * * *",
    "0 0 * * 8",
    "-1 * * * *",
    "1- * * * *",
  ]) {
    assert.is.not(hintOf(text), "taken", text);
  }
});

test("a refused range is taken as the refusal says to write it", () => {
  for (const text of ["0 22-2 * * *", "0 0 * NOV-FEB *", "0 0 * * FRI-MON", "0 0 * * SAT-TUE/2", "5/15 * * * *", "0 23-1/2 * * *"]) {
    const [, written = ""] = /`(.+)`/.exec(hintOf(text)) ?? [];
    const fields = text.split(" ");
    const odd = fields.findIndex((field) => /[-/]/.test(field));
    fields[odd] = written;
    assert.is(cronOf(fields.join(" ")).expression, fields.join(" "));
  }
});

test("times are found and counted forwards and backwards, over leap years, short months and years without any", () => {
  for (const text of [
    "0 0 29 2 *",
    "15,45 */7 * JAN-MAR,DEC SUN",
    "0 0 L * *",
    "0 12 * * 1#5",
    "30 4 31 * 5",
    "* * * * *",
    "0 0 * 2 1#5",
  ]) {
    const cron = cronOf(text);
    const from = Date.UTC(1999, 11, 31, 23, 30);
    const found = [nextTime(cron, from)];
    while (found.length < 15) found.push(nextTime(cron, found.at(-1) ?? from));
    for (const [index, time] of found.entries()) {
      assert.is(countTimes(cron, from, time), index + 1, text);
      assert.is(countTimes(cron, from, time - 1), index, text);
      if (index > 0) assert.is(previousTime(cron, time), found[index - 1], text);
    }
  }
});

test.run();
