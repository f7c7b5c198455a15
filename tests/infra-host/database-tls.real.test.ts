import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type pg from "pg";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { pythonBin, root } from "../../local/paths.ts";
import { type LocalPostgres, startPostgres } from "../../local/postgres.ts";
import { makeCertificate, turnOnTls } from "../postgres-tls.ts";

const dir = mkdtempSync(join(tmpdir(), "dagline-database-tls-"));
const [right, wrong, empty] = [join(dir, "right.crt"), join(dir, "wrong.crt"), join(dir, "empty.crt")];
let postgres: LocalPostgres;
let admin: pg.Client;
let password = "";

test.before(async () => {
  postgres = await startPostgres({ dir, settings: { fsync: "off" } });
  admin = await postgres.connect("postgres");
  password = await postgres.setRandomPassword("dagline_loader");
  await turnOnTls(admin, right);
  makeCertificate(wrong, join(dir, "wrong.key"), "another authority");
  writeFileSync(empty, "");
});
test.after(async () => {
  await admin?.end();
  await postgres?.stop();
  rmSync(dir, { recursive: true, force: true });
});

test("a host verifies its database by RDS's authorities, unless its settings say otherwise", () => {
  const first = configure("", { rds: right });
  assert.equal(first.tls, { sslmode: "verify-full", sslrootcert: first.rdsFile });
  assert.is(readFileSync(first.rdsFile, "utf8"), readFileSync(right, "utf8"));
  assert.equal(configure(`DATABASE_CA=${wrong}`).tls, { sslmode: "verify-full", sslrootcert: wrong });
  for (const sslmode of ["require", "disable"]) {
    assert.equal(configure(`DATABASE_SSLMODE=${sslmode}`).tls, { sslmode, sslrootcert: null });
  }
});

test("a host whose authorities can't be had stops, and says how to go on; one that has them keeps them", () => {
  const name = "another-host";
  assert.match(
    configure("", { name }).failure,
    /global-bundle\.pem gave no certificate authorities.*DATABASE_CA names a file to use instead/,
  );
  assert.match(configure("", { name, rds: empty }).failure, /gave no certificate authorities/);
  const { rdsFile } = configure("", { name, rds: right });
  assert.equal(configure("", { name, rds: empty }).tls, { sslmode: "verify-full", sslrootcert: rdsFile });
  assert.is(readFileSync(rdsFile, "utf8"), readFileSync(right, "utf8"));
  assert.match(configure(`DATABASE_CA=${empty}`).failure, /empty\.crt holds no certificate authorities that airflow can read/);
});

test("Airflow's two drivers refuse a certificate of another authority, and one of another name", () => {
  const [verifying, misled] = [configure("", { rds: right }).env, configure("", { name: "misled", rds: wrong }).env];
  const encrypting = configure("DATABASE_SSLMODE=require", { name: "encrypting" }).env;
  const cases: [Configured["env"], string, RegExp][] = [
    [verifying, "localhost", /^TLS$/],
    [misled, "localhost", /certificate verify failed/i],
    [verifying, "127.0.0.1", /does not match host name|IP address mismatch/],
    [encrypting, "127.0.0.1", /^TLS$/],
  ];
  for (const driver of ["psycopg2", "asyncpg"]) {
    const found = connect(
      driver,
      cases.map(([env, host]) => [env, host]),
    );
    for (const [index, [, host, expected]] of cases.entries()) assert.match(found[index] ?? "", expected, `${driver} ${host}`);
  }
});

interface Configured {
  readonly failure: string;
  readonly tls: object;
  readonly rdsFile: string;
  /** What of airflow.env libpq reads. */
  readonly env: Readonly<Record<string, string>>;
}

/** Runs the steps of bootstrap.sh that settle how the database is verified, with a file in the place of what AWS gives; without one, AWS can't be reached. */
function configure(more: string, { name = "host", rds = "" }: { name?: string; rds?: string } = {}): Configured {
  const [home, config] = [join(dir, name, "home"), join(dir, name, "etc")];
  for (const folder of [home, join(home, "bin"), config]) mkdirSync(folder, { recursive: true });
  const arn = "arn:aws:secretsmanager:eu-west-2:123456789012:secret:dagline";
  const needed = `REGION=eu-west-2\nDAGS_BUCKET=dags\nSTAGING_BUCKET=staging\nDATABASE_SECRET_ARN=${arn}/connections/dagline_postgres-abcdef\n`;
  writeFileSync(join(config, "bootstrap.env"), `${needed}AIRFLOW_DATABASE_SECRET_ARN=${arn}/airflow-abcdef\n${more}\n`);
  const script = readFileSync(join(root, "infra", "host", "bootstrap.sh"), "utf8")
    .replace("readonly HOME_DIR=/opt/dagline", `readonly HOME_DIR=${home}`)
    .replace("readonly CONFIG=/etc/dagline", `readonly CONFIG=${config}`)
    .replace(/\nmain\n$/, "\n");
  const stubs = `
    PACKAGE=${join(root, "infra", "host")} TEMPORARY=$(mktemp -d ${dir}/XXXXXX)
    download() { [[ -n '${rds}' ]] && cp '${rds}' "$2"; }
    put_file() { cp "$1" "$2"; }
    setpriv() { while [[ $1 != -- ]]; do shift; done; "\${@:2}"; }
    make_key() { :; }
    as_airflow() { cat >/dev/null; }
    step 'Settings' '' read_settings
    step 'Authorities' '' install_authorities
    step 'Configuration' '' write_configuration`;
  const file = join(dir, "bootstrap.sh");
  writeFileSync(file, script + stubs);
  const { status, stderr } = spawnSync("bash", [file, join(config, "bootstrap.env")], { encoding: "utf8" });
  const rdsFile = join(config, "rds-ca.pem");
  if (status !== 0) return { failure: stderr, tls: {}, rdsFile, env: {} };
  const host = JSON.parse(readFileSync(join(home, "host.json"), "utf8")) as Record<string, unknown>;
  const lines = readFileSync(join(config, "airflow.env"), "utf8").matchAll(/^(PGSSL\w+)=(.*)$/gm);
  const env = Object.fromEntries([...lines].map(([, variable = "", value = ""]) => [variable, value]));
  const tls = { sslmode: host.connection_sslmode, sslrootcert: host.connection_sslrootcert };
  assert.equal(env, { PGSSLMODE: tls.sslmode, ...(tls.sslrootcert === null ? {} : { PGSSLROOTCERT: tls.sslrootcert }) });
  return { failure: "", tls, rdsFile, env };
}

/** Of each case, "TLS" when the driver connects as Airflow's processes do, or why it did not. */
function connect(driver: string, cases: readonly (readonly [Configured["env"], string])[]): readonly string[] {
  const script = `
import asyncio, asyncpg, json, os, psycopg2, sys
driver, cases, at = json.load(sys.stdin)
question = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
def by_psycopg2(host):
    cursor = psycopg2.connect(host=host, dbname="data_pipeline_db", **at).cursor()
    cursor.execute(question)
    return cursor.fetchone()[0]
async def by_asyncpg(host):
    return await (await asyncpg.connect(host=host, database="data_pipeline_db", **at)).fetchval(question)
def tried(env, host):
    for name in ("PGSSLMODE", "PGSSLROOTCERT"):
        os.environ.pop(name, None)
    os.environ.update(env)
    try:
        return "TLS" if (by_psycopg2(host) if driver == "psycopg2" else asyncio.run(by_asyncpg(host))) else "no TLS"
    except Exception as error:
        return str(error)
print(json.dumps([tried(env, host) for env, host in cases]))
`;
  const { stdout, stderr, status } = spawnSync(join(pythonBin, "python"), ["-c", script], {
    input: JSON.stringify([driver, cases, { port: postgres.port, user: "dagline_loader", password }]),
    encoding: "utf8",
  });
  assert.is(status, 0, stderr);
  return JSON.parse(stdout) as string[];
}

test.run();
