import {
  BlockDeviceVolume,
  CfnEIPAssociation,
  EbsDeviceVolumeType,
  HttpTokens,
  Instance,
  InstanceType,
  MachineImage,
  OperatingSystemType,
  SubnetType,
} from "aws-cdk-lib/aws-ec2";
import { Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import type { LogGroup } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { acknowledge } from "./acknowledge.ts";
import type { Config } from "./config.ts";
import type { DataStack } from "./data-stack.ts";
import { hostPolicy } from "./host-policy.ts";
import type { NetworkStack } from "./network-stack.ts";

interface HostProps {
  readonly config: Config;
  readonly network: NetworkStack;
  readonly data: DataStack;
  readonly logs: readonly LogGroup[];
}

/** The machine that runs Airflow. Nothing on it is kept: a new one installs itself and pulls the release. */
export class AirflowHost extends Construct {
  readonly instance: Instance;
  readonly role: Role;
  readonly address: CfnEIPAssociation;

  constructor(scope: Construct, id: string, props: HostProps) {
    super(scope, id);
    const { config, network } = props;
    const { host } = config;
    this.role = new Role(this, "Role", {
      roleName: `${config.prefix}-host`,
      description: "The Airflow host: takes commands, reads releases and its passwords, stages files, writes logs and metrics",
      assumedBy: new ServicePrincipal("ec2.amazonaws.com"),
      managedPolicies: [hostPolicy(this, props)],
    });
    const instanceType = new InstanceType(host.size);
    this.instance = new Instance(this, "Instance", {
      instanceName: host.name,
      instanceType,
      machineImage: MachineImage.fromSsmParameter(`/aws/service/canonical/ubuntu/server/${host.ubuntu}/amd64/hvm/ebs-gp3/ami-id`, {
        os: OperatingSystemType.LINUX,
      }),
      vpc: network.vpc,
      vpcSubnets: { subnetType: SubnetType.PUBLIC },
      securityGroup: network.hostGroup,
      role: this.role,
      httpTokens: HttpTokens.REQUIRED,
      httpPutResponseHopLimit: 1,
      detailedMonitoring: true,
      ebsOptimized: true,
      blockDevices: [
        {
          deviceName: "/dev/sda1",
          volume: BlockDeviceVolume.ebs(host.volumeGb, { encrypted: true, volumeType: EbsDeviceVolumeType.GP3, deleteOnTermination: true }),
        },
      ],
    });
    this.address = new CfnEIPAssociation(this, "Address", {
      allocationId: network.address.attrAllocationId,
      instanceId: this.instance.instanceId,
    });
    acknowledge(this.instance, {
      EC29: "Nothing on it is kept, and the stack has to be able to replace it: data and metadata are in S3 and RDS.",
    });
  }
}
