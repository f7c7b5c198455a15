// What CDK's command line runs in deploy.cloud.test.ts: the app as it is, with the configuration that the test wants.
import { join } from "node:path";
import { makeApp } from "../../infra/make-app.ts";
import { root } from "../../local/paths.ts";
import { config } from "./synth.ts";

const changed: typeof config = {
  ...config,
  owner: "another-team",
  host: { ...config.host, ubuntu: "24.04/stable/20260601" },
  watching: { ...config.watching, logDays: 30 },
};
const wanted = process.env.WANTED_CONFIG === "changed" ? changed : config;
makeApp({ config: wanted, commit: null, hostBundle: join(root, "dist", "host"), checked: false }).synth();
