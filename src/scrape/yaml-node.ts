/** A YAML value that knows where it was written: `at` is an offset into the text. A merged or aliased value keeps the place of its anchor. */
export type YamlNode = YamlScalar | YamlList | YamlMap;

export interface YamlScalar {
  readonly kind: "scalar";
  readonly at: number;
  readonly value: null | boolean | number | string;
}

interface YamlList {
  readonly kind: "list";
  readonly at: number;
  readonly items: readonly YamlNode[];
}

export interface YamlMap {
  readonly kind: "map";
  readonly at: number;
  readonly entries: ReadonlyMap<string, YamlEntry>;
}

export interface YamlEntry {
  /** Where the key stands. */
  readonly at: number;
  readonly value: YamlNode;
}

export interface YamlFault {
  readonly at: number;
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}
