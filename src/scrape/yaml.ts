import {
  CORE_SCHEMA,
  EVENT_ID,
  type Event,
  getScalarValue,
  type MappingEvent,
  parseEvents,
  SCALAR_STYLE,
  type ScalarEvent,
  type SequenceEvent,
  YAMLException,
} from "js-yaml";
import type { YamlEntry, YamlFault, YamlNode, YamlScalar } from "./yaml-node.ts";

/** Far above any real DAG file; below what makes a checker slow. */
const limits = { depth: 40, nodes: 50_000 };

/**
 * Reads one YAML document of the core schema, with anchors, aliases and merge keys. Custom tags, duplicate keys, recursive
 * aliases and documents that expand beyond `limits` are faults. `root` is null when nothing can be made of the text.
 */
export function parseYaml(text: string): { root: YamlNode | null; faults: YamlFault[] } {
  let events: Event[];
  try {
    events = parseEvents(text, { maxDepth: limits.depth });
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    return { root: null, faults: [syntaxFault(error)] };
  }
  const builder = new TreeBuilder(text);
  try {
    for (const event of events) builder.take(event);
  } catch (error) {
    if (!(error instanceof TooLarge)) throw error;
    const hint = "Write the values out, with fewer aliases and merges.";
    return {
      root: null,
      faults: [{ at: error.at, code: "yaml-too-large", message: `the YAML expands to more than ${limits.nodes} values`, hint }],
    };
  }
  return { root: builder.root, faults: builder.faults };
}

function syntaxFault(error: YAMLException): YamlFault {
  const at = error.mark?.position ?? 0;
  if (error.reason.includes("maxDepth")) {
    return { at, code: "yaml-too-deep", message: `the YAML is nested more than ${limits.depth} levels deep`, hint: "Flatten it." };
  }
  return {
    at,
    code: "yaml-syntax",
    message: `not YAML: ${error.reason}`,
    hint: "Look at the indentation and the quotes here and just above.",
  };
}

class TooLarge extends Error {
  readonly at: number;
  constructor(at: number) {
    super("too large");
    this.at = at;
  }
}

interface Frame {
  readonly node: { kind: "list"; at: number; items: YamlNode[] } | { kind: "map"; at: number; entries: Map<string, YamlEntry> };
  readonly anchor: Anchor | null;
  /** The keys that were merged in: the map's own may replace them. */
  readonly merged: Set<string>;
  key: { at: number; name: string; merge: boolean } | null;
  size: number;
}

interface Anchor {
  node: YamlNode;
  size: number;
  open: boolean;
}

const coreTags = new Set(["!!str", "!!int", "!!float", "!!bool", "!!null", "!!map", "!!seq"]);

class TreeBuilder {
  readonly faults: YamlFault[] = [];
  root: YamlNode | null = null;
  private readonly text: string;
  private readonly frames: Frame[] = [];
  private readonly anchors = new Map<string, Anchor>();
  /** What stands in for an alias that could not be followed: reported once, there. */
  private readonly broken = new Set<YamlNode>();
  private documents = 0;
  private work = 0;

  constructor(text: string) {
    this.text = text;
  }

  take(event: Event): void {
    if (this.documents > 1) return;
    if (event.type === EVENT_ID.DOCUMENT) this.startDocument(event.directives.some((directive) => directive.kind === "tag"));
    else if (event.type === EVENT_ID.SCALAR) this.addScalar(event);
    else if (event.type === EVENT_ID.ALIAS) this.addAlias(event.anchorStart, this.text.slice(event.anchorStart, event.anchorEnd));
    else if (event.type === EVENT_ID.POP) this.closeCollection();
    else this.openCollection(event);
  }

  private startDocument(hasTagDirective: boolean): void {
    this.documents++;
    if (this.documents > 1) {
      const at = Math.max(0, this.text.search(/^---[ \t\r\n]/m));
      const second = this.root === null ? at : this.text.slice(at + 3).search(/^---(?:\s|$)/m) + at + 3;
      this.fault(
        Math.max(at, second),
        "yaml-documents",
        "the file holds more than one YAML document",
        "Keep one DAG a file; take out the `---`.",
      );
    }
    if (hasTagDirective) this.fault(0, "yaml-tag", "%TAG directives are not taken", "Take it out: DAG files hold plain values only.");
  }

  private openCollection(event: SequenceEvent | MappingEvent): void {
    const expected = event.type === EVENT_ID.SEQUENCE ? "!!seq" : "!!map";
    this.checkTag(event, (tag) => tag === expected);
    const at = event.start;
    const node: Frame["node"] =
      event.type === EVENT_ID.SEQUENCE ? { kind: "list", at, items: [] } : { kind: "map", at, entries: new Map<string, YamlEntry>() };
    const anchor = this.setAnchor(event, { node, size: 0, open: true });
    this.frames.push({ node, anchor, merged: new Set(), key: null, size: 1 });
    this.charge(1, at);
  }

  private closeCollection(): void {
    const frame = this.frames.pop();
    if (frame === undefined) return; // the document's own end
    if (frame.anchor !== null) {
      frame.anchor.open = false;
      frame.anchor.size = frame.size;
    }
    this.add(frame.node, frame.size);
  }

  private addScalar(event: ScalarEvent): void {
    const parent = this.frames.at(-1);
    const quoted = event.style === SCALAR_STYLE.SINGLE_QUOTED || event.style === SCALAR_STYLE.DOUBLE_QUOTED;
    const empty = parent?.key?.at ?? parent?.node.at ?? 0;
    const at = event.valueStart === -1 ? empty : event.valueStart - (quoted ? 1 : 0);
    const source = getScalarValue(this.text, event);
    const node: YamlScalar = { kind: "scalar", at, value: this.resolve(event, source, at) };
    this.charge(1, at);
    if (parent?.node.kind === "map" && parent.key === null) {
      this.setAnchor(event, { node, size: 1, open: false });
      this.takeKey(parent, node, event.style === SCALAR_STYLE.PLAIN && source === "<<" && event.tagStart === -1);
      return;
    }
    this.setAnchor(event, { node, size: 1, open: false });
    this.add(node, 1);
  }

  private resolve(event: ScalarEvent, source: string, at: number): YamlScalar["value"] {
    const tag = event.tagStart === -1 ? null : this.text.slice(event.tagStart, event.tagEnd);
    if (tag === "!" || tag === "!!str") return source;
    if (tag === null && event.style !== SCALAR_STYLE.PLAIN) return source;
    const { value } = CORE_SCHEMA.resolveImplicitScalarTag(source);
    const type = value === null ? "null" : typeof value === "boolean" ? "bool" : typeof value === "number" ? "number" : "str";
    if (tag !== null) {
      const fits = (name: string): boolean => name === `!!${type}` || (type === "number" && (name === "!!int" || name === "!!float"));
      if (!this.checkTag(event, fits)) return source;
    }
    if (typeof value !== "number") return value === null || typeof value === "boolean" ? value : source;
    const exact = Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
    if (!exact) {
      this.fault(at, "yaml-number", `${source.slice(0, 40)} cannot be held as a number`, "Put it in quotes to keep it as text.");
    }
    return exact ? value : source;
  }

  private addAlias(at: number, name: string): void {
    const anchor = this.anchors.get(name);
    if (anchor === undefined || anchor.open) {
      const recursive = anchor !== undefined;
      this.fault(
        at - 1,
        recursive ? "yaml-recursive" : "yaml-alias",
        recursive ? `*${name} stands inside its own anchor` : `*${name} has no anchor &${name} above it`,
        recursive ? "A value cannot hold itself." : "Write the anchor before its first use.",
      );
    }
    const usable = anchor === undefined || anchor.open ? null : anchor;
    const node: YamlNode = usable?.node ?? { kind: "scalar", at: at - 1, value: null };
    if (usable === null) this.broken.add(node);
    const size = usable?.size ?? 1;
    this.charge(size, at);
    const parent = this.frames.at(-1);
    if (parent?.node.kind === "map" && parent.key === null) this.takeKey(parent, { ...node, at: at - 1 }, false);
    else this.add(node, size);
  }

  private takeKey(frame: Frame, node: YamlNode, merge: boolean): void {
    const name = node.kind === "scalar" && typeof node.value === "string" ? node.value : null;
    if (name === null) this.fault(node.at, "yaml-key", "a key must be text", "Put the key in quotes.");
    else if (name === "__proto__") this.fault(node.at, "yaml-key", "`__proto__` is not taken as a key", "Choose another name.");
    frame.key = { at: node.at, name: name === "__proto__" ? "" : (name ?? ""), merge };
  }

  private add(node: YamlNode, size: number): void {
    const frame = this.frames.at(-1);
    if (frame === undefined) {
      this.root ??= node;
      return;
    }
    frame.size += size;
    if (frame.node.kind === "list") {
      frame.node.items.push(node);
      return;
    }
    const key = frame.key;
    if (key === null) {
      this.takeKey(frame, node, false); // a list or a map as a key: a fault
      return;
    }
    frame.key = null;
    if (key.merge) this.merge(frame, frame.node.entries, node, key.at);
    else if (frame.node.entries.has(key.name) && !frame.merged.delete(key.name)) {
      this.fault(key.at, "yaml-duplicate-key", `\`${key.name}\` is written twice here`, "Keep one of them.");
    } else if (key.name !== "") frame.node.entries.set(key.name, { at: key.at, value: node });
  }

  /** https://yaml.org/type/merge.html: own keys win over merged ones, earlier maps over later ones. */
  private merge(frame: Frame, entries: Map<string, YamlEntry>, source: YamlNode, at: number): void {
    const maps = source.kind === "list" ? source.items : [source];
    for (const map of maps) {
      if (map.kind !== "map") {
        if (this.broken.has(map)) continue;
        this.fault(at, "yaml-merge", "`<<` takes a map or a list of maps", "Point it at an anchor of a map: `<<: *name`.");
        continue;
      }
      this.charge(map.entries.size, at);
      for (const [name, entry] of map.entries) {
        if (entries.has(name)) continue;
        entries.set(name, entry);
        frame.merged.add(name);
      }
    }
  }

  private setAnchor(event: ScalarEvent | SequenceEvent | MappingEvent, anchor: Anchor): Anchor | null {
    if (event.anchorStart === -1) return null;
    this.anchors.set(this.text.slice(event.anchorStart, event.anchorEnd), anchor);
    return anchor;
  }

  private checkTag(event: ScalarEvent | SequenceEvent | MappingEvent, fits: (tag: string) => boolean): boolean {
    if (event.tagStart === -1) return true;
    const tag = this.text.slice(event.tagStart, event.tagEnd);
    if (tag === "!" || fits(tag)) return true;
    const known = coreTags.has(tag);
    this.fault(
      event.tagStart,
      "yaml-tag",
      known ? `the value is not a ${tag}` : `the tag ${tag.slice(0, 60)} is not taken`,
      known ? "Take out the tag, or write a value that fits it." : "DAG files hold plain values only: take out the tag.",
    );
    return false;
  }

  private charge(work: number, at: number): void {
    this.work += work;
    if (this.work > limits.nodes) throw new TooLarge(Math.max(0, at));
  }

  private fault(at: number, code: string, message: string, hint: string): void {
    this.faults.push({ at: Math.max(0, at), code, message, hint });
  }
}
