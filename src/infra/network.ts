import { BlockList } from "node:net";
import { isObject, listOf, type Resource, type Template } from "./template.ts";
import { valueText } from "./values.ts";

/** One permission of a security group: who reaches which ports. */
interface Rule {
  /** The security group's name. */
  readonly group: string;
  readonly direction: "in" | "out";
  readonly peer: string;
  readonly protocol: string;
  readonly from: number;
  readonly to: number;
}

const protocols: Readonly<Record<string, string>> = { "6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6" };

/** Switches that put a resource on the internet, and how to say so. */
const publicSwitches: readonly { readonly type: string; readonly property: string }[] = [
  { type: "AWS::RDS::DBInstance", property: "PubliclyAccessible" },
  { type: "AWS::RDS::DBCluster", property: "PubliclyAccessible" },
  { type: "AWS::Redshift::Cluster", property: "PubliclyAccessible" },
  { type: "AWS::RedshiftServerless::Workgroup", property: "PubliclyAccessible" },
];

/** What can be reached after the change and could not before, in words. */
export function wideNetworks(before: Template, after: Template, nameOf: (id: string) => string): string[] {
  const old = rulesOf(before, nameOf);
  const opened = rulesOf(after, nameOf)
    .filter((rule) => !old.some((other) => covers(other, rule)))
    .map(sentence);
  return [...new Set([...opened, ...madePublic(before, after, nameOf)])].sort();
}

function rulesOf(template: Template, nameOf: (id: string) => string): Rule[] {
  return Object.entries(template.Resources).flatMap(([id, resource]) => {
    if (resource.Type === "AWS::EC2::SecurityGroup") {
      return [
        ...listOf(resource.Properties?.SecurityGroupIngress).flatMap((rule) => parse(nameOf(id), "in", rule, nameOf)),
        ...listOf(resource.Properties?.SecurityGroupEgress).flatMap((rule) => parse(nameOf(id), "out", rule, nameOf)),
      ];
    }
    const direction = directionOf(resource);
    if (direction === undefined) return [];
    return parse(valueText(resource.Properties?.GroupId, nameOf), direction, resource.Properties, nameOf);
  });
}

function directionOf({ Type }: Resource): Rule["direction"] | undefined {
  if (Type === "AWS::EC2::SecurityGroupIngress") return "in";
  return Type === "AWS::EC2::SecurityGroupEgress" ? "out" : undefined;
}

function parse(group: string, direction: Rule["direction"], given: unknown, nameOf: (id: string) => string): Rule[] {
  if (!isObject(given)) return [];
  const { CidrIp, CidrIpv6, SourceSecurityGroupId, DestinationSecurityGroupId, SourcePrefixListId, DestinationPrefixListId } = given;
  const peer = CidrIp ?? CidrIpv6 ?? SourceSecurityGroupId ?? DestinationSecurityGroupId ?? SourcePrefixListId ?? DestinationPrefixListId;
  if (peer === undefined) return [];
  // CDK's way to say "nobody": CloudFormation would otherwise allow all.
  if (CidrIp === "255.255.255.255/32" || (given.IpProtocol === "icmp" && given.FromPort === 252)) return [];
  const spelled = String(given.IpProtocol ?? "-1");
  const from = Number(given.FromPort ?? -1);
  const to = Number(given.ToPort ?? from);
  const every = spelled === "-1" || from === -1 || Number.isNaN(from) || Number.isNaN(to);
  return [
    {
      group,
      direction,
      peer: valueText(peer, nameOf),
      protocol: protocols[spelled] ?? spelled,
      from: every ? 0 : from,
      to: every ? 65535 : to,
    },
  ];
}

function covers(old: Rule, rule: Rule): boolean {
  return (
    old.group === rule.group &&
    old.direction === rule.direction &&
    (old.protocol === "-1" || old.protocol === rule.protocol) &&
    old.from <= rule.from &&
    old.to >= rule.to &&
    (old.peer === rule.peer || contains(old.peer, rule.peer))
  );
}

/** Whether an address range lies in another. */
function contains(wide: string, narrow: string): boolean {
  const [w, n] = [parseRange(wide), parseRange(narrow)];
  if (w === undefined || n === undefined || w.family !== n.family || w.bits > n.bits) return false;
  const list = new BlockList();
  list.addSubnet(w.address, w.bits, w.family);
  return list.check(n.address, n.family);
}

function parseRange(text: string): { address: string; bits: number; family: "ipv4" | "ipv6" } | undefined {
  const match = /^([0-9a-fA-F.:]+)\/(\d{1,3})$/.exec(text);
  const [address, bits] = [match?.[1] ?? "", Number(match?.[2])];
  const family = address.includes(":") ? "ipv6" : "ipv4";
  return match === null || bits > (family === "ipv6" ? 128 : 32) ? undefined : { address, bits, family };
}

function sentence({ group, direction, peer, protocol, from, to }: Rule): string {
  const ports = from === 0 && to === 65535 ? "every port" : from === to ? `port ${from}` : `ports ${from} to ${to}`;
  const how = protocol === "-1" ? `${ports}, by any protocol` : protocol === "tcp" ? ports : `${ports} (${protocol})`;
  const who = peer === "0.0.0.0/0" || peer === "::/0" ? `${peer} (the whole internet)` : peer;
  return direction === "in" ? `security group ${group} lets ${who} reach ${how}` : `security group ${group} may now reach ${how} of ${who}`;
}

function madePublic(before: Template, after: Template, nameOf: (id: string) => string): string[] {
  const entries = Object.entries(after.Resources);
  const reachable = publicSwitches.flatMap(({ type, property }) =>
    entries
      .filter(
        ([id, { Type, Properties }]) =>
          Type === type && isOn(Properties?.[property]) && !isOn(before.Resources[id]?.Properties?.[property]),
      )
      .map(([id]) => `${nameOf(id)} gets an address on the public internet (${property})`),
  );
  const buckets = entries.flatMap(([id, { Type, Properties }]) => {
    if (Type !== "AWS::S3::Bucket") return [];
    const old = before.Resources[id];
    const [was, is] = [blocks(old?.Properties), blocks(Properties)];
    const lost = old === undefined ? [] : was.filter((name) => !is.includes(name));
    return lost.length === 0 ? [] : [`bucket ${nameOf(id)} no longer blocks public access (${lost.join(", ")})`];
  });
  return [...reachable, ...buckets];
}

function blocks(properties: Resource["Properties"]): string[] {
  const configured = properties?.PublicAccessBlockConfiguration;
  return isObject(configured) ? Object.keys(configured).filter((name) => isOn(configured[name])) : [];
}

function isOn(value: unknown): boolean {
  return value === true || value === "true";
}
