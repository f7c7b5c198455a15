// Builds what a host needs from this repository, into dist/host: the agent in one file, Airflow's Python package, the SSM documents.
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { bundleAgent, installPythonPackage } from "../local/host.ts";
import { root } from "../local/paths.ts";

const out = join(root, "dist", "host");
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
await bundleAgent(join(out, "agent.mjs"));
installPythonPackage(out);
cpSync(join(root, "infra", "ssm"), join(out, "ssm"), { recursive: true });
cpSync(join(root, "airflow", "requirements.lock"), join(out, "requirements.lock"));
process.stderr.write("built dist/host\n");
