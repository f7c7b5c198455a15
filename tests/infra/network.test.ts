import { test } from "uvu";
import * as assert from "uvu/assert";
import { propertiesOf, synthesize } from "./synth.ts";

const { templates, json } = synthesize();
const { network } = templates;

test("network: two zones, no NAT gateway, no default route for private subnets, endpoints for S3 and secrets alone", () => {
  network.resourceCountIs("AWS::EC2::Subnet", 4);
  network.resourceCountIs("AWS::EC2::NatGateway", 0);
  network.resourceCountIs("AWS::EC2::Route", 2);
  const services = propertiesOf(json, "AWS::EC2::VPCEndpoint").map(({ ServiceName }) => JSON.stringify(ServiceName));
  for (const name of ["s3", "secretsmanager"]) {
    assert.ok(
      services.some((service) => service.includes(`.${name}"`)),
      name,
    );
  }
  assert.is(services.length, 2);
});

test("network: no subnet gives out public addresses", () => {
  for (const { MapPublicIpOnLaunch } of propertiesOf(json, "AWS::EC2::Subnet")) assert.not(MapPublicIpOnLaunch);
});

test("network: who may come in is said by group; no group lets an address in, none has port 22", () => {
  const inline = propertiesOf(json, "AWS::EC2::SecurityGroup").flatMap(({ SecurityGroupIngress }) => SecurityGroupIngress ?? []);
  assert.equal(inline, []);
  const rules = propertiesOf(json, "AWS::EC2::SecurityGroupIngress");
  assert.equal([...new Set(rules.map(({ FromPort }) => FromPort))].sort(), [443, 5432, 5439]);
  for (const rule of rules) {
    assert.ok(rule.SourceSecurityGroupId, JSON.stringify(rule));
    assert.not(rule.CidrIp);
    assert.is(rule.FromPort, rule.ToPort);
  }
});

test("network: nothing from the internet reaches a machine", () => {
  const rules = propertiesOf(json, "AWS::EC2::SecurityGroup").flatMap(
    ({ SecurityGroupIngress }) => (SecurityGroupIngress as unknown[]) ?? [],
  );
  assert.equal(rules, []);
  for (const { CidrIp, CidrIpv6 } of propertiesOf(json, "AWS::EC2::SecurityGroupIngress"))
    assert.equal([CidrIp, CidrIpv6], [undefined, undefined]);
});

test.run();
