import { Group, ManagedPolicy, PolicyStatement, User } from "aws-cdk-lib/aws-iam";
import type { Construct } from "constructs";
import { acknowledgeWildcards } from "./acknowledge.ts";
import { listBuckets, readReleases, stageFiles } from "./bucket-statements.ts";
import type { Config } from "./config.ts";
import { UPLOADS } from "./keys.ts";
import { bucketArn } from "./names.ts";

/** The IAM user for people and tools outside. It gets no access key: whoever needs one makes it, and rotates it. */
export function addPeople(scope: Construct, config: Config): void {
  const releases = bucketArn(scope, config, "dags", "*");
  const staged = bucketArn(scope, config, "staging", "staging/*");
  const uploads = bucketArn(scope, config, "staging", `${UPLOADS}*`);
  const policy = new ManagedPolicy(scope, "PeoplePolicy", {
    managedPolicyName: `${config.prefix}-policy`,
    description: "Lets people and tools outside read releases and staged files, upload files, and see the databases and machines there are",
    statements: [
      listBuckets(scope, config),
      readReleases(scope, config),
      // Not markers, and not what tasks staged: whoever writes those decides what is loaded.
      new PolicyStatement({ sid: "ReadStagedFiles", actions: ["s3:GetObject"], resources: [staged] }),
      stageFiles([uploads]),
      new PolicyStatement({
        sid: "SeeDatabasesAndMachines",
        actions: ["rds:DescribeDBInstances", "ec2:DescribeInstances", "ec2:DescribeInstanceStatus"],
        resources: ["*"],
      }),
    ],
  });
  const group = new Group(scope, "PeopleGroup", { groupName: `${config.prefix}-group`, managedPolicies: [policy] });
  new User(scope, "People", { userName: config.prefix, groups: [group] });
  acknowledgeWildcards(policy, [
    [releases, "All objects of the bucket, as asked for."],
    [staged, "Each staged file has a key of its own."],
    [uploads, "What people put there has names of theirs."],
    ["*", "Describing RDS and EC2 is not bound to resources."],
  ]);
}
