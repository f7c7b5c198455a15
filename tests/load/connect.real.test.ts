import { test } from "uvu";
import * as assert from "uvu/assert";
import { TransientError, UserError } from "../../src/errors.ts";
import { connectPostgres, type PostgresSettings } from "../../src/services/postgres.ts";
import { rejects } from "../rejects.ts";
import { csvFile, TestDatabase } from "./fixture.ts";

let database: TestDatabase;
let settings: PostgresSettings;

test.before(async () => {
  database = await TestDatabase.start();
  const { host, port } = database.postgres;
  const password = await database.postgres.setRandomPassword("dagline_loader");
  settings = { host, port, dbname: "data_pipeline_db", user: "dagline_loader", password };
});
test.after(async () => {
  await database?.stop();
});

test("with the right password it connects", async () => {
  const connection = await connectPostgres(settings);
  assert.equal((await connection.query("SELECT current_user AS name")).rows, [{ name: "dagline_loader" }]);
  await connection.end();
});

test("a wrong password, a missing one, a missing database, TLS that is not there: one line for a person, without the password", async () => {
  const wrong = await rejects(
    connectPostgres({ ...settings, password: "hunter2-secret" }),
    /does not accept the password of user dagline_loader/,
  );
  assert.not.match(`${wrong.message}${wrong.stack}`, "hunter2-secret");
  const none = await rejects(connectPostgres({ ...settings, password: null }), /does not accept the password/);
  const missing = await rejects(connectPostgres({ ...settings, dbname: "nowhere" }), /has no database "nowhere"/);
  const tls = await rejects(connectPostgres({ ...settings, sslmode: "require" }), /does not speak TLS/);
  for (const error of [wrong, none, missing, tls]) assert.instance(error, UserError);
});

test("a server that is not there is a reason to try again", async () => {
  assert.instance(await rejects(connectPostgres({ ...settings, port: 1 }), /cannot be reached/), TransientError);
  assert.instance(await rejects(connectPostgres({ ...settings, host: "/nowhere" }), /cannot be reached/), TransientError);
});

test("a right that is missing is named", async () => {
  await database.admin.query("CREATE TABLE trips (id integer, name text)");
  assert.instance(
    await rejects(database.load({ files: [csvFile("id,name\n")] }), /may not do this: must be owner of table trips/),
    UserError,
  );
});

test.run();
