import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Config } from "../../infra/config.ts";
import { config, type Resource, type Synthesized, synthesize } from "./synth.ts";

/**
 * The arrows of docs/cloud-picture.md that go over the network: who, to whom, on which port. Each has to be let out by the one's group, let in by the other's,
 * and find a way: a path that only one of them allows times out.
 */
const arrows: readonly (readonly [from: string, to: string, port: number])[] = [
  ["HostGroup", "DatabaseGroup", 5432],
  ["LoaderGroup", "DatabaseGroup", 5432],
  ["RotationGroup", "DatabaseGroup", 5432],
  ["LoaderGroup", "WarehouseGroup", 5439],
  ["RotationGroup", "EndpointGroup", 443],
  ["LoaderGroup", "EndpointGroup", 443],
  ["HostGroup", "EndpointGroup", 443],
  ["HostGroup", "internet", 443],
  ["LoaderGroup", "S3", 443],
  ["DatabaseGroup", "S3", 443],
  ["WarehouseGroup", "S3", 443],
];

const variants: readonly (readonly [name: string, config: Config])[] = [
  ["provisioned", config],
  ["serverless", { ...config, warehouse: { kind: "serverless", baseRpus: 8 } }],
  ["none", { ...config, warehouse: { kind: "none" } }],
];

for (const [name, wanted] of variants) {
  const { json } = synthesize(wanted);
  for (const [from, to, port] of arrows) {
    test(`${name}: ${from} reaches ${to} on port ${port}`, () => {
      if (to === "S3" || to === "internet") {
        assert.ok(letsOutToAll(json, from, port), "its group lets nothing out");
        if (to === "S3") assert.equal(privateRoutesWithout(json, "s3"), [], "subnets without a route to S3's endpoint");
      } else {
        assert.ok(
          rules(json, "Egress", from).some((rule) => rule.peer === to && rule.port === port) || letsOutToAll(json, from, port),
          "not let out",
        );
        assert.ok(
          rules(json, "Ingress", to).some((rule) => rule.peer === from && rule.port === port),
          "not let in",
        );
      }
    });
  }
}

test("a serverless warehouse needs no third zone, and a provisioned one reads S3 through the network", () => {
  const serverless = resources(
    synthesize({ ...config, warehouse: { kind: "serverless", baseRpus: 8 } }).json,
    "AWS::RedshiftServerless::Workgroup",
  );
  assert.equal(
    serverless.map(([, { Properties }]) => Properties?.EnhancedVpcRouting),
    [false],
  );
  const cluster = resources(synthesize(config).json, "AWS::Redshift::Cluster");
  assert.equal(
    cluster.map(([, { Properties }]) => Properties?.EnhancedVpcRouting),
    [true],
  );
});

test("each kind of warehouse may take the role that reads exports", () => {
  const principals = (wanted: Config) =>
    JSON.stringify(
      resources(synthesize(wanted).json, "AWS::IAM::Role").find(([id]) => id.includes("CopyRole"))?.[1].Properties
        ?.AssumeRolePolicyDocument,
    );
  assert.match(principals({ ...config, warehouse: { kind: "serverless", baseRpus: 8 } }), /redshift-serverless\.amazonaws\.com/);
  assert.match(principals(config), /"redshift\.amazonaws\.com"/);
  assert.not.match(principals(config), /serverless/);
});

interface Rule {
  /** The start of the other group's logical id, or an address range. */
  readonly peer: string;
  readonly port: number;
}

function rules(json: Synthesized["json"], direction: "Ingress" | "Egress", group: string): Rule[] {
  const [own, other] = direction === "Ingress" ? ["GroupId", "SourceSecurityGroupId"] : ["GroupId", "DestinationSecurityGroupId"];
  return resources(json, `AWS::EC2::SecurityGroup${direction}`).flatMap(([, { Properties = {} }]) => {
    const isOwn = groupOf(Properties[own ?? ""]) === group;
    return isOwn ? [{ peer: groupOf(Properties[other ?? ""]), port: Number(Properties.FromPort) }] : [];
  });
}

function letsOutToAll(json: Synthesized["json"], group: string, port: number): boolean {
  const found = resources(json, "AWS::EC2::SecurityGroup").find(([id]) => id.startsWith(group));
  const egress = (found?.[1].Properties?.SecurityGroupEgress ?? []) as { CidrIp?: string; FromPort?: number }[];
  return egress.some(({ CidrIp, FromPort }) => CidrIp === "0.0.0.0/0" && FromPort === port);
}

/** The private subnets' route tables that a gateway endpoint is not in. */
function privateRoutesWithout(json: Synthesized["json"], service: string): string[] {
  const endpoint = resources(json, "AWS::EC2::VPCEndpoint").find(
    ([, { Properties }]) => Properties?.VpcEndpointType === "Gateway" && JSON.stringify(Properties.ServiceName).includes(`.${service}"`),
  );
  const served = JSON.stringify(endpoint?.[1].Properties?.RouteTableIds ?? []);
  return resources(json, "AWS::EC2::RouteTable")
    .map(([id]) => id)
    .filter((id) => id.includes("private") && !served.includes(`"${id}"`));
}

/** `{"Fn::GetAtt": ["HostGroup1234", "GroupId"]}` → HostGroup. */
function groupOf(value: unknown): string {
  const [id = ""] = ((value as { "Fn::GetAtt"?: string[] } | undefined)?.["Fn::GetAtt"] ?? []) as string[];
  return id.replace(/[0-9A-F]{8}$/, "");
}

function resources(json: Synthesized["json"], type: string): [id: string, resource: Resource][] {
  return Object.values(json).flatMap(({ Resources }) => Object.entries(Resources).filter(([, { Type }]) => Type === type));
}

test.run();
