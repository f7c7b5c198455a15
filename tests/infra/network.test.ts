import { test } from "uvu";
import * as assert from "uvu/assert";
import { config, propertiesOf, synthesize } from "./synth.ts";

const { templates, json } = synthesize();
const { network } = templates;

test("network: two zones, no NAT gateway, no default route for private subnets, endpoints for S3, SSM, logs and secrets", () => {
  network.resourceCountIs("AWS::EC2::Subnet", 4);
  network.resourceCountIs("AWS::EC2::NatGateway", 0);
  network.resourceCountIs("AWS::EC2::Route", 2);
  const services = propertiesOf(json, "AWS::EC2::VPCEndpoint").map(({ ServiceName }) => JSON.stringify(ServiceName));
  for (const name of ["s3", "ssm", "ssmmessages", "logs", "secretsmanager"]) {
    assert.ok(
      services.some((service) => service.includes(`.${name}"`)),
      name,
    );
  }
  assert.is(services.length, 5);
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

test("network: port 8080 opens to configured addresses and to no others", () => {
  const open = synthesize({ ...config, host: { ...config.host, webFrom: ["203.0.113.0/24"] } });
  const rules = propertiesOf(open.json, "AWS::EC2::SecurityGroup").flatMap(
    ({ SecurityGroupIngress }) => (SecurityGroupIngress as unknown[]) ?? [],
  );
  assert.equal(rules, [{ CidrIp: "203.0.113.0/24", Description: "Airflow's UI", FromPort: 8080, IpProtocol: "tcp", ToPort: 8080 }]);
  assert.ok(open.json.network.Outputs?.AirflowUrl);
  assert.not(json.network.Outputs?.AirflowUrl, "nobody can open it");
});

test.run();
