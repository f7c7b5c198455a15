import { Stack, type StackProps } from "aws-cdk-lib";
import {
  CfnEIP,
  FlowLogDestination,
  FlowLogTrafficType,
  GatewayVpcEndpointAwsService,
  InterfaceVpcEndpoint,
  InterfaceVpcEndpointAwsService,
  IpAddresses,
  type IVpc,
  Peer,
  Port,
  SecurityGroup,
  SubnetType,
  Vpc,
} from "aws-cdk-lib/aws-ec2";
import type { Construct } from "constructs";
import type { Config, Endpoint } from "./config.ts";
import { logGroup } from "./log-group.ts";

const services: Record<Endpoint, InterfaceVpcEndpointAwsService> = {
  ssm: InterfaceVpcEndpointAwsService.SSM,
  ssmmessages: InterfaceVpcEndpointAwsService.SSM_MESSAGES,
  logs: InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
  secretsmanager: InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
};

/**
 * Where everything runs and who may speak to whom; it lives as long as the data. Two zones, each with a public subnet (the host alone is in
 * one) and one without any way to the internet, and no NAT gateway. Each rule between parts names security groups, not addresses.
 */
export class NetworkStack extends Stack {
  readonly vpc: IVpc;
  /** The host's address on the internet; it stays when the host is replaced. */
  readonly address: CfnEIP;
  readonly hostGroup: SecurityGroup;
  readonly databaseGroup: SecurityGroup;
  readonly warehouseGroup: SecurityGroup;
  readonly loaderGroup: SecurityGroup;
  readonly rotationGroup: SecurityGroup;

  constructor(scope: Construct, id: string, props: StackProps & { config: Config }) {
    super(scope, id, props);
    const { config } = props;
    const vpc = new Vpc(this, "Vpc", {
      vpcName: config.prefix,
      ipAddresses: IpAddresses.cidr(config.network.cidr),
      maxAzs: 2,
      natGateways: 0,
      subnetConfiguration: [
        { name: "public", subnetType: SubnetType.PUBLIC, cidrMask: 24, mapPublicIpOnLaunch: false },
        { name: "private", subnetType: SubnetType.PRIVATE_ISOLATED, cidrMask: 24 },
      ],
      // Nothing uses the default group, and closing it would take a custom resource with a Lambda of its own.
      restrictDefaultSecurityGroup: false,
      gatewayEndpoints: { S3: { service: GatewayVpcEndpointAwsService.S3 } },
    });
    // CDK's classes do not say of their optional fields that they may be undefined, as their interfaces do: hence the cast, here and elsewhere.
    this.vpc = vpc as IVpc;
    vpc.addFlowLog("Refused", {
      destination: FlowLogDestination.toCloudWatchLogs(logGroup(this, "FlowLogs", `/${config.prefix}/network`, config)),
      trafficType: FlowLogTrafficType.REJECT,
    });
    this.address = new CfnEIP(this, "HostAddress", { domain: "vpc" });
    this.address.node.addDependency(this.vpc.internetConnectivityEstablished);

    const group = (name: string, description: string): SecurityGroup =>
      new SecurityGroup(this, name, { vpc: this.vpc, description, allowAllOutbound: false });
    this.hostGroup = group("HostGroup", "The Airflow host: reached by Session Manager, and on 8080 from configured addresses");
    this.databaseGroup = group("DatabaseGroup", "PostgreSQL");
    this.warehouseGroup = group("WarehouseGroup", "Redshift");
    this.loaderGroup = group("LoaderGroup", "The Lambda that moves loads to the warehouse");
    this.rotationGroup = group("RotationGroup", "The Lambda with which Secrets Manager rotates the password of PostgreSQL");
    const endpointGroup = group("EndpointGroup", "The endpoints of services of AWS");
    this.#allow(endpointGroup);
    this.#addEndpoints(config, endpointGroup);
  }

  /** Who may speak to whom. */
  #allow(endpointGroup: SecurityGroup): void {
    const allow = (from: SecurityGroup, to: SecurityGroup, port: number, why: string): void => {
      to.addIngressRule(from, Port.tcp(port), why);
      from.addEgressRule(to, Port.tcp(port), why);
    };
    allow(this.hostGroup, this.databaseGroup, 5432, "Airflow and its tasks to PostgreSQL");
    allow(this.loaderGroup, this.databaseGroup, 5432, "The loader has RDS export a load");
    allow(this.rotationGroup, this.databaseGroup, 5432, "The rotation sets the new password");
    allow(this.loaderGroup, this.warehouseGroup, 5439, "The loader copies a load into Redshift");
    allow(this.rotationGroup, endpointGroup, 443, "The rotation keeps the password in Secrets Manager");
    allow(this.loaderGroup, endpointGroup, 443, "The loader reads its passwords");
    endpointGroup.addIngressRule(this.hostGroup, Port.tcp(443), "The host to AWS's services");
    // S3's gateway endpoint has addresses that differ by region; from a private subnet there is no other way out. RDS asks for just this rule
    // (RDS, "Troubleshooting access to Amazon S3"), and with enhanced VPC routing so does Redshift's COPY (Redshift, "Enhanced VPC routing").
    for (const group of [this.loaderGroup, this.databaseGroup, this.warehouseGroup]) {
      group.addEgressRule(Peer.anyIpv4(), Port.tcp(443), "S3 through its gateway endpoint");
    }
    this.hostGroup.addEgressRule(Peer.anyIpv4(), Port.tcp(443), "What scrapes read, packages, AWS");
    this.hostGroup.addEgressRule(Peer.anyIpv4(), Port.tcp(80), "What scrapes read, packages");
    this.hostGroup.addEgressRule(Peer.anyIpv4(), Port.tcp(587), "Mail about failed tasks");
  }

  #addEndpoints(config: Config, group: SecurityGroup): void {
    const zones = this.vpc.isolatedSubnets.slice(0, config.network.endpointZones);
    for (const name of config.network.endpoints) {
      new InterfaceVpcEndpoint(this, `Endpoint-${name}`, {
        vpc: this.vpc,
        service: services[name],
        subnets: { subnets: zones },
        securityGroups: [group],
        open: false,
      });
    }
  }
}
