import { type CfnResource, Stack } from "aws-cdk-lib";
import { CompositePrincipal, PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { CfnCluster, CfnClusterParameterGroup, CfnClusterSubnetGroup } from "aws-cdk-lib/aws-redshift";
import { CfnNamespace, CfnWorkgroup } from "aws-cdk-lib/aws-redshiftserverless";
import type { Bucket } from "aws-cdk-lib/aws-s3";
import { Secret } from "aws-cdk-lib/aws-secretsmanager";
import { StringParameter } from "aws-cdk-lib/aws-ssm";
import { Construct } from "constructs";
import { acknowledge, acknowledgeWildcards } from "./acknowledge.ts";
import type { Config } from "./config.ts";
import { bucketArn } from "./names.ts";
import type { NetworkStack } from "./network-stack.ts";
import { retained } from "./retained.ts";

/**
 * Where the ARN of the warehouse's secret stands, for whatever stack needs it: as an export it could not be taken away while another stack reads it, and
 * another kind of warehouse could never be deployed.
 */
export function secretParameter({ prefix }: Config): string {
  return `/${prefix}/warehouse-secret`;
}

/** Redshift, whichever kind. */
export interface Warehouse {
  readonly host: string;
  readonly secretArn: string;
  /** The cluster's identifier; null for a serverless workgroup. */
  readonly cluster: string | null;
}

interface WarehouseProps {
  readonly config: Config;
  readonly network: NetworkStack;
  readonly logs: Bucket;
}

const DATABASE = "data_pipeline_dw";
const OWNER = "data_pipeline";

/** Makes Redshift as configured, or none. Its password is in Secrets Manager. */
export function warehouse(scope: Construct, props: WarehouseProps): Warehouse | null {
  const { warehouse } = props.config;
  if (warehouse.kind === "none") return null;
  const inside = new Construct(scope, "Warehouse");
  const role = copyRole(inside, props);
  const made = warehouse.kind === "provisioned" ? cluster(inside, props, warehouse, role) : workgroup(inside, props, warehouse, role);
  new StringParameter(inside, "SecretName", {
    parameterName: secretParameter(props.config),
    description: "The ARN of the secret with the warehouse's password",
    stringValue: made.secretArn,
  });
  return made;
}

function cluster(
  scope: Construct,
  { config, network, logs }: WarehouseProps,
  size: { nodeType: string; nodes: number },
  role: Role,
): Warehouse {
  const identifier = `${config.prefix}-warehouse`;
  const subnets = new CfnClusterSubnetGroup(scope, "Subnets", {
    description: "The subnets without a way to the internet",
    subnetIds: network.vpc.isolatedSubnets.map(({ subnetId }) => subnetId),
  });
  const parameters = new CfnClusterParameterGroup(scope, "Parameters", {
    description: "Connections by TLS only; statements are logged",
    parameterGroupFamily: "redshift-2.0",
    parameters: [
      { parameterName: "require_ssl", parameterValue: "true" },
      { parameterName: "enable_user_activity_logging", parameterValue: "true" },
    ],
  });
  const cluster = new CfnCluster(scope, "Cluster", {
    clusterIdentifier: identifier,
    clusterType: size.nodes === 1 ? "single-node" : "multi-node",
    nodeType: size.nodeType,
    ...(size.nodes === 1 ? {} : { numberOfNodes: size.nodes }),
    dbName: DATABASE,
    masterUsername: OWNER,
    manageMasterPassword: true,
    clusterSubnetGroupName: subnets.ref,
    clusterParameterGroupName: parameters.ref,
    vpcSecurityGroupIds: [network.warehouseGroup.securityGroupId],
    publiclyAccessible: false,
    enhancedVpcRouting: true,
    encrypted: true,
    iamRoles: [role.roleArn],
    automatedSnapshotRetentionPeriod: 7,
    allowVersionUpgrade: true,
    loggingProperties: { bucketName: logs.bucketName, s3KeyPrefix: "redshift/" },
  });
  const allowed = logs.addToResourcePolicy(
    new PolicyStatement({
      sid: "RedshiftLogs",
      principals: [new ServicePrincipal("redshift.amazonaws.com")],
      actions: ["s3:PutObject", "s3:GetBucketAcl"],
      resources: [logs.bucketArn, logs.arnForObjects("redshift/*")],
      conditions: { StringEquals: { "aws:SourceAccount": Stack.of(scope).account } },
    }),
  );
  if (allowed.policyDependable !== undefined) cluster.node.addDependency(allowed.policyDependable);
  keep(config, subnets, parameters, cluster);
  acknowledge(cluster, {
    RS4: "Another port hides nothing in a subnet without a way to the internet, and who may connect is said by security group.",
  });
  return { host: cluster.attrEndpointAddress, secretArn: cluster.attrMasterPasswordSecretArn, cluster: identifier };
}

function workgroup(scope: Construct, { config, network }: WarehouseProps, { baseRpus }: { baseRpus: number }, role: Role): Warehouse {
  const name = `${config.prefix}-warehouse`;
  // A namespace that keeps its own secret does not tell its name.
  const secret = new Secret(scope, "Secret", {
    secretName: `${config.prefix}/warehouse`,
    description: "The owner of the serverless warehouse",
    removalPolicy: retained(config),
    generateSecretString: {
      secretStringTemplate: JSON.stringify({ engine: "redshift", dbname: DATABASE, port: 5439, username: OWNER }),
      generateStringKey: "password",
      passwordLength: 40,
      excludePunctuation: true,
    },
  });
  acknowledge(secret, { SMG4: "Rotating it takes a Lambda in the warehouse's network; the provisioned kind has Redshift rotate its own." });
  const namespace = new CfnNamespace(scope, "Namespace", {
    namespaceName: name,
    dbName: DATABASE,
    adminUsername: OWNER,
    adminUserPassword: secret.secretValueFromJson("password").unsafeUnwrap(),
    iamRoles: [role.roleArn],
    logExports: ["userlog", "connectionlog", "useractivitylog"],
  });
  const workgroup = new CfnWorkgroup(scope, "Workgroup", {
    workgroupName: name,
    namespaceName: name,
    baseCapacity: baseRpus,
    publiclyAccessible: false,
    // With it AWS wants three zones (Redshift, "Considerations when using Amazon Redshift Serverless"); without it, the network's two do, and COPY reads S3
    // over AWS's own network.
    enhancedVpcRouting: false,
    subnetIds: network.vpc.isolatedSubnets.map(({ subnetId }) => subnetId),
    securityGroupIds: [network.warehouseGroup.securityGroupId],
    configParameters: [{ parameterKey: "require_ssl", parameterValue: "true" }],
  });
  workgroup.addResourceDependency(namespace);
  keep(config, namespace, workgroup);
  return { host: workgroup.attrWorkgroupEndpointAddress, secretArn: secret.secretArn, cluster: null };
}

function copyRole(scope: Construct, { config }: WarehouseProps): Role {
  const role = new Role(scope, "CopyRole", {
    roleName: `${config.prefix}-redshift-copy`,
    description: "Redshift reads what RDS exported for the warehouse",
    // Both names for a serverless workgroup (Redshift, "Granting permissions to Amazon Redshift Serverless"). Whether Redshift sends aws:SourceAccount here is
    // documented nowhere; who may give the role to a cluster is limited by iam:PassRole.
    assumedBy: new CompositePrincipal(
      ...(config.warehouse.kind === "serverless" ? ["redshift-serverless.amazonaws.com"] : []).map((name) => new ServicePrincipal(name)),
      new ServicePrincipal("redshift.amazonaws.com"),
    ),
  });
  const keys = bucketArn(scope, config, "exports", "*");
  role.addToPolicy(new PolicyStatement({ sid: "ReadExports", actions: ["s3:GetObject"], resources: [keys] }));
  role.addToPolicy(
    new PolicyStatement({
      sid: "ListExports",
      actions: ["s3:ListBucket", "s3:GetBucketLocation"],
      resources: [bucketArn(scope, config, "exports")],
    }),
  );
  acknowledgeWildcards(role, [[keys, "Each export has a key of its own."]]);
  return role;
}

function keep(config: Config, ...resources: CfnResource[]): void {
  for (const resource of resources) resource.applyRemovalPolicy(retained(config));
}
