import { Duration, Stack } from "aws-cdk-lib";
import { InstanceType, SubnetType } from "aws-cdk-lib/aws-ec2";
import { PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import {
  CaCertificate,
  Credentials,
  DatabaseInsightsMode,
  DatabaseInstance,
  DatabaseInstanceEngine,
  ParameterGroup,
  PerformanceInsightRetention,
  PostgresEngineVersion,
  StorageType,
  SubnetGroup,
} from "aws-cdk-lib/aws-rds";
import { HostedRotation, type ISecret, Secret } from "aws-cdk-lib/aws-secretsmanager";
import { Construct } from "constructs";
import { acknowledge, acknowledgeWildcards } from "./acknowledge.ts";
import type { Config } from "./config.ts";
import { logGroup } from "./log-group.ts";
import { arn, bucketArn } from "./names.ts";
import type { NetworkStack } from "./network-stack.ts";
import { retained } from "./retained.ts";

const PASSWORD_LENGTH = 40;
/**
 * The major version alone: RDS takes its newest minor one and moves on by itself, and a pinned one can't be made any more once AWS has retired it
 * (CDK, "class PostgresEngineVersion": a major version without a specific minor one).
 */
const POSTGRES = PostgresEngineVersion.VER_17;

interface DatabaseProps {
  readonly config: Config;
  readonly network: NetworkStack;
}

/**
 * PostgreSQL: `data_pipeline_db` for the tables, and a second database `airflow`, which the host's bootstrap script makes with the
 * password of `airflowSecret`. Both secrets hold engine, host, port, dbname, username and password.
 */
export class Database extends Construct {
  readonly instance: DatabaseInstance;
  readonly host: string;
  /** Named so that Airflow's secrets backend finds the connection `dagline_postgres` under `<prefix>/connections`. */
  readonly secret: ISecret;
  readonly airflowSecret: Secret;

  constructor(scope: Construct, id: string, { config, network }: DatabaseProps) {
    super(scope, id);
    const { prefix, database } = config;
    const identifier = `${prefix}-database`;
    const removalPolicy = retained(config);
    const engine = DatabaseInstanceEngine.postgres({ version: POSTGRES });
    const generated = new Secret(this, "Secret", {
      secretName: `${prefix}/connections/dagline_postgres`,
      description: "The owner of data_pipeline_db; rotated each month",
      removalPolicy,
      generateSecretString: {
        secretStringTemplate: JSON.stringify({ username: "data_pipeline" }),
        generateStringKey: "password",
        passwordLength: PASSWORD_LENGTH,
        excludePunctuation: true,
      },
    });
    const secret = generated as ISecret;
    const logs = ["postgresql", "upgrade"].map((log) => logGroup(this, `Log-${log}`, `/aws/rds/instance/${identifier}/${log}`, config));
    this.instance = new DatabaseInstance(this, "Instance", {
      instanceIdentifier: identifier,
      engine,
      instanceType: new InstanceType(database.size),
      vpc: network.vpc,
      subnetGroup: new SubnetGroup(this, "Subnets", {
        vpc: network.vpc,
        vpcSubnets: { subnetType: SubnetType.PRIVATE_ISOLATED },
        description: "The subnets without a way to the internet",
        removalPolicy,
      }),
      securityGroups: [network.databaseGroup],
      publiclyAccessible: false,
      databaseName: "data_pipeline_db",
      credentials: Credentials.fromSecret(secret),
      iamAuthentication: true,
      parameterGroup: new ParameterGroup(this, "Parameters", {
        engine,
        description: "Connections by TLS only; slow statements in the log",
        parameters: { "rds.force_ssl": "1", log_min_duration_statement: "5000" },
        removalPolicy,
      }),
      storageType: StorageType.GP3,
      allocatedStorage: database.storageGb,
      maxAllocatedStorage: database.maxStorageGb,
      storageEncrypted: true,
      caCertificate: CaCertificate.RDS_CA_RSA2048_G1,
      multiAz: database.standby,
      backupRetention: Duration.days(database.backupDays),
      copyTagsToSnapshot: true,
      deletionProtection: config.keepData,
      autoMinorVersionUpgrade: true,
      // Only with it can another major version in this file be applied; the plan shows it as what it is.
      allowMajorVersionUpgrade: true,
      cloudwatchLogsExports: ["postgresql", "upgrade"],
      // Database Insights in its standard mode, which took the place of Performance Insights.
      databaseInsightsMode: DatabaseInsightsMode.STANDARD,
      enablePerformanceInsights: config.keepData,
      ...(config.keepData ? { performanceInsightRetention: PerformanceInsightRetention.DEFAULT } : {}),
      s3ExportRole: this.#exportRole(config),
      removalPolicy,
    });
    this.instance.node.addDependency(...logs);
    this.host = this.instance.dbInstanceEndpointAddress;
    this.secret = this.instance.secret ?? secret;
    this.secret.addRotationSchedule("Rotation", {
      automaticallyAfter: Duration.days(30),
      rotateImmediatelyOnUpdate: false,
      hostedRotation: HostedRotation.postgreSqlSingleUser({
        functionName: `${prefix}-rotation`,
        vpc: network.vpc,
        vpcSubnets: { subnetType: SubnetType.PRIVATE_ISOLATED },
        securityGroups: [network.rotationGroup],
        excludeCharacters: "/@\"'\\",
      }),
    });
    this.airflowSecret = new Secret(this, "AirflowSecret", {
      secretName: `${prefix}/airflow-database`,
      description: "The owner of Airflow's own database",
      removalPolicy,
      generateSecretString: {
        secretStringTemplate: Stack.of(this).toJsonString({
          engine: "postgres",
          host: this.host,
          port: 5432,
          dbname: "airflow",
          username: "airflow",
        }),
        generateStringKey: "password",
        passwordLength: PASSWORD_LENGTH,
        excludePunctuation: true,
      },
    });
    acknowledge(this.airflowSecret, {
      SMG4: "The host's set-up makes its role, so a rotation would fail before that. Given another value, the set-up tells the database, and Airflow takes it within a minute.",
    });
    acknowledge(this.instance, {
      RDS3: "A standby doubles the cost; backups are kept and database.standby in infra/config.ts makes one.",
      RDS11: "Another port hides nothing in a subnet without a way to the internet, and who may connect is said by security group.",
      ...(config.keepData ? {} : { RDS10: "A preview environment is thrown away." }),
    });
  }

  #exportRole(config: Config): Role {
    const role = new Role(this, "ExportRole", {
      roleName: `${config.prefix}-rds-export`,
      description: "RDS writes the rows of a load to the bucket of exports",
      assumedBy: new ServicePrincipal("rds.amazonaws.com", {
        conditions: {
          StringEquals: { "aws:SourceAccount": Stack.of(this).account },
          ArnLike: { "aws:SourceArn": arn(this, "rds", `db:${config.prefix}-database`) },
        },
      }),
    });
    const keys = bucketArn(this, config, "exports", "*");
    role.addToPolicy(
      new PolicyStatement({
        sid: "WriteExports",
        actions: ["s3:PutObject", "s3:AbortMultipartUpload"],
        resources: [keys],
      }),
    );
    acknowledgeWildcards(role, [[keys, "Each export has a key of its own."]]);
    return role;
  }
}
