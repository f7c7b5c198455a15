import { readFileSync } from "node:fs";
import { join } from "node:path";
import { App, type AppProps, Tags, Validations } from "aws-cdk-lib";
import { AwsSolutionsChecks } from "cdk-nag";
import { AccessStack } from "./access-stack.ts";
import { ComputeStack } from "./compute-stack.ts";
import type { Config } from "./config.ts";
import { DataStack } from "./data-stack.ts";
import { NetworkStack } from "./network-stack.ts";

interface AppOptions {
  readonly config: Config;
  /**
   * The commit that is deployed, or null. It becomes a tag of the stacks, which CloudFormation hands on to resources, and is in no template:
   * the same infra gives the same templates at each commit, in a pull request and after its merge.
   */
  readonly commit: string | null;
  /** The folder that `npm run build -- host` makes. */
  readonly hostBundle: string;
  /** Where templates are written; CDK's command line says it itself. */
  readonly outdir?: string;
  /** Whether cdk-nag looks at it, which takes a second. */
  readonly checked?: boolean;
}

/** The app: four stacks, split by how long their things live. Nothing is read from an account, so the same options give the same bytes. */
export function makeApp({ config, commit, hostBundle, outdir, checked = true }: AppOptions): App {
  // CDK's own check of templates takes five seconds each time; cfn-lint checks them in the tests.
  const app = new App({
    analyticsReporting: false,
    builtinCloudFormationValidation: false,
    ...cdkJson(),
    ...(outdir === undefined ? {} : { outdir }),
  });
  const { prefix, region, account } = config;
  const of = (part: string, description: string) => ({
    config,
    stackName: `${prefix}-${part}`,
    description,
    env: { region, ...(account === null ? {} : { account }) },
    tags: commit === null ? {} : { commit },
    terminationProtection: config.keepData && part !== "compute" && part !== "access",
  });
  const network = new NetworkStack(app, `${prefix}-network`, of("network", "Where everything runs, and who may speak to whom"));
  const data = new DataStack(app, `${prefix}-data`, { ...of("data", "Buckets, databases, queues: what must not be lost"), network });
  new AccessStack(app, `${prefix}-access`, of("access", "Who may do what from outside"));
  new ComputeStack(app, `${prefix}-compute`, {
    ...of("compute", "What runs, and can be replaced"),
    network,
    data,
    hostBundle,
  });
  Tags.of(app).add("environment", prefix);
  Tags.of(app).add("owner", config.owner);
  Tags.of(app).add("cost-centre", config.costCentre);
  if (checked) Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  return app;
}

/** The command line hands the context of cdk.json over; whoever makes the app otherwise gets the same. */
function cdkJson(): AppProps {
  const { context } = JSON.parse(readFileSync(join(import.meta.dirname, "..", "cdk.json"), "utf8")) as { context: Record<string, unknown> };
  return { context };
}
