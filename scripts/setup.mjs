// Makes a fresh clone ready: npm packages and a locked Python environment, both under this folder.
// Plain JavaScript that runs on Node 20, because nothing is installed yet when it starts.
// Does nothing when the lock files are unchanged since the last run.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const local = join(root, ".local");
const bin = process.platform === "win32" ? "Scripts" : "bin";

step("npm packages", ["package.json", "package-lock.json"], join(root, "node_modules"), () => {
  // Not `npm ci`: it refuses a lock file made where the registry lacked an optional package of another platform.
  run("npm", ["install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error"]);
});

step("Python environment", ["airflow/requirements.lock", "airflow/uv.lock"], join(local, "python"), () => {
  const python = findPython();
  const uv = join(local, "uv");
  const environment = join(local, "python");
  run(python, ["-m", "venv", "--clear", uv]);
  run(join(uv, bin, "python"), [
    "-m",
    "pip",
    "install",
    "--quiet",
    "--disable-pip-version-check",
    "--require-hashes",
    "-r",
    "airflow/uv.lock",
  ]);
  run(join(uv, bin, "uv"), ["venv", "--quiet", "--clear", "--python", python, environment]);
  run(join(uv, bin, "uv"), [
    "pip",
    "sync",
    "--quiet",
    "--require-hashes",
    "--compile-bytecode",
    "--python",
    join(environment, bin, "python"),
    "airflow/requirements.lock",
  ]);
});

/** Runs `work` unless `made` exists and the files in `inputs` are the ones of the last successful run. */
function step(name, inputs, made, work) {
  const hash = createHash("sha256").update(`${process.platform} ${process.arch} ${root}\n`);
  for (const input of inputs) hash.update(readFileSync(join(root, input)));
  const digest = hash.digest("hex");
  const stamp = join(local, "setup", `${name.toLowerCase().replaceAll(" ", "-")}.sha256`);
  if (existsSync(made) && existsSync(stamp) && readFileSync(stamp, "utf8") === digest) return;
  const start = Date.now();
  process.stderr.write(`set-up: ${name} ...\n`);
  rmSync(stamp, { force: true });
  work();
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, digest);
  process.stderr.write(`set-up: ${name} ready in ${((Date.now() - start) / 1000).toFixed(1)} s\n`);
}

function run(command, args) {
  // stdout is kept for results (`--format json`), so what installers say goes to stderr.
  const { status, error, signal } = spawnSync(command, args, { cwd: root, stdio: ["ignore", 2, 2] });
  if (status === 0) return;
  const why = error ? error.message : signal ? `ended by ${signal}` : `exit code ${status}`;
  process.stderr.write(`set-up failed: ${command} ${args[0] ?? ""} (${why}). Mend what it says above, then run the same command again.\n`);
  process.exit(1);
}

function findPython() {
  for (const candidate of ["python3", "python", "python3.13", "python3.12", "python3.11", "python3.10"]) {
    const check = "import sys, venv, ensurepip; sys.exit(not ((3, 10) <= sys.version_info[:2] < (3, 15)))";
    if (spawnSync(candidate, ["-c", check], { stdio: "ignore" }).status === 0) return candidate;
  }
  process.stderr.write(
    "set-up failed: no Python 3.10 or newer with venv was found. Install it (Debian, Ubuntu: apt install python3 python3-venv) and run the same command again.\n",
  );
  process.exit(1);
}
