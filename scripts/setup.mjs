// Makes a fresh clone ready: npm packages and a locked Python environment, both under this folder.
// Plain JavaScript that runs on Node 20, because nothing is installed yet when it starts.
// Does nothing when the lock files are unchanged since the last run.
//   node scripts/setup.mjs            everything
//   node scripts/setup.mjs tests      what the scrapes' tests need: npm packages, PostgreSQL among them
//   node scripts/setup.mjs actions    what the GitHub Actions are built from: no PostgreSQL, no Python
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const local = join(root, ".local");
const children = new Set();

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    for (const child of children) child.kill("SIGTERM");
    process.exit(1);
  });
}

const what = process.argv[2] ?? "all";
if (!["all", "tests", "actions"].includes(what)) fail(`set-up is for all, tests or actions, not ${what}`);

// Not `npm ci`: it refuses a lock file made where the registry lacked an optional package of another platform.
const install = ["install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error"];
if (what === "actions") {
  await step("npm packages of the actions", ["package.json", "package-lock.json"], join(root, "node_modules"), () =>
    run("npm", [...install, "--omit=dev"]),
  );
  process.exit();
}
await Promise.all([
  step("npm packages", ["package.json", "package-lock.json"], join(root, "node_modules"), () => run("npm", install)),
  what === "all" &&
    step("Python environment", ["airflow/requirements-dev.lock", "airflow/uv.lock"], join(local, "python"), async () => {
      const python = findPython();
      const uv = join(local, "uv");
      const environment = join(local, "python");
      await run(python, ["-m", "venv", "--clear", uv]);
      await run(join(uv, "bin", "python"), [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--require-hashes",
        "-r",
        "airflow/uv.lock",
      ]);
      await run(join(uv, "bin", "uv"), ["venv", "--quiet", "--clear", "--python", python, environment]);
      const target = ["--python", join(environment, "bin", "python")];
      await run(join(uv, "bin", "uv"), [
        "pip",
        "sync",
        "--system-certs",
        "--quiet",
        "--require-hashes",
        "--compile-bytecode",
        ...target,
        "airflow/requirements-dev.lock",
      ]);
    }),
]);

/** Runs `work` unless `made` exists and the files in `inputs` are the ones of the last successful run. */
async function step(name, inputs, made, work) {
  const hash = createHash("sha256").update(`${process.platform} ${process.arch} ${root}\n`);
  for (const input of inputs) hash.update(readFileSync(join(root, input)));
  const digest = hash.digest("hex");
  const stamp = join(local, "setup", `${name.toLowerCase().replaceAll(" ", "-")}.sha256`);
  if (existsSync(made) && existsSync(stamp) && readFileSync(stamp, "utf8") === digest) return;
  const start = Date.now();
  say(`set-up: ${name} ...`);
  rmSync(stamp, { force: true });
  await work();
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, digest);
  say(`set-up: ${name} ready in ${((Date.now() - start) / 1000).toFixed(1)} s`);
}

function run(command, args) {
  return new Promise((resolve) => {
    // stdout is kept for results (`--format json`), so what installers say goes to stderr.
    const child = spawn(command, args, { cwd: root, stdio: ["ignore", 2, 2] });
    children.add(child);
    const ended = (why) => {
      children.delete(child);
      if (why === "") resolve();
      else fail(`${command} ${args[0] ?? ""} (${why}). Mend what it says above, then run the same command again.`);
    };
    child.once("error", (error) => ended(error.message));
    child.once("exit", (code, signal) => ended(code === 0 ? "" : signal ? `ended by ${signal}` : `exit code ${code}`));
  });
}

function findPython() {
  for (const candidate of ["python3", "python", "python3.13", "python3.12", "python3.11", "python3.10"]) {
    const check = "import sys, venv, ensurepip; sys.exit(not ((3, 10) <= sys.version_info[:2] < (3, 15)))";
    if (spawnSync(candidate, ["-c", check], { stdio: "ignore" }).status === 0) return candidate;
  }
  return fail(
    "no Python 3.10 or newer with venv was found. Install it (Debian, Ubuntu: apt install python3 python3-venv) and run the same command again.",
  );
}

function say(message) {
  process.stderr.write(`${message}\n`);
}

function fail(message) {
  for (const child of children) child.kill("SIGTERM");
  say(`set-up failed: ${message}`);
  process.exit(1);
}
