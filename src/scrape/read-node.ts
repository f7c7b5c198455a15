import type { JsonValue } from "./model.ts";
import type { YamlMap, YamlNode } from "./yaml-node.ts";

export interface Located<T> {
  readonly value: T;
  readonly at: number;
}

/** Reads the keys of a YAML map; a value of another type reads as undefined, for the schema has reported it. */
export interface MapReader {
  readonly map: YamlMap;
  /** Where the map itself is named: the place of its key. */
  readonly at: number;
  has(key: string): boolean;
  node(key: string): YamlNode | undefined;
  /** The place of a key, or of the map when the key is not there. */
  keyAt(key: string): number;
  text(key: string): Located<string> | undefined;
  number(key: string): Located<number> | undefined;
  flag(key: string): boolean | undefined;
  texts(key: string): readonly Located<string>[];
  child(key: string): MapReader | undefined;
}

export function readMap(map: YamlMap, at: number): MapReader {
  const node = (key: string): YamlNode | undefined => map.entries.get(key)?.value;
  const scalar = (key: string): Located<unknown> | undefined => {
    const found = node(key);
    return found?.kind === "scalar" ? found : undefined;
  };
  return {
    map,
    at,
    node,
    has: (key) => map.entries.has(key),
    keyAt: (key) => map.entries.get(key)?.at ?? at,
    text(key) {
      const found = scalar(key);
      return typeof found?.value === "string" ? { value: found.value, at: found.at } : undefined;
    },
    number(key) {
      const found = scalar(key);
      return typeof found?.value === "number" ? { value: found.value, at: found.at } : undefined;
    },
    flag(key) {
      const value = scalar(key)?.value;
      return typeof value === "boolean" ? value : undefined;
    },
    texts(key) {
      const list = node(key);
      if (list?.kind !== "list") return [];
      return list.items.flatMap((item) =>
        item.kind === "scalar" && typeof item.value === "string" ? [{ value: item.value, at: item.at }] : [],
      );
    },
    child(key) {
      const entry = map.entries.get(key);
      return entry?.value.kind === "map" ? readMap(entry.value, entry.at) : undefined;
    },
  };
}

/** The plain value; keys become own properties whatever their name. */
export function toValue(node: YamlNode): JsonValue {
  if (node.kind === "scalar") return node.value;
  if (node.kind === "list") return node.items.map(toValue);
  return Object.fromEntries([...node.entries].map(([key, entry]) => [key, toValue(entry.value)]));
}

/** A map's entries as plain values; `{}` for a node that is no map. */
export function toRecord(node: YamlNode | undefined): Readonly<Record<string, JsonValue>> {
  if (node?.kind !== "map") return {};
  return Object.fromEntries([...node.entries].map(([key, entry]) => [key, toValue(entry.value)]));
}
