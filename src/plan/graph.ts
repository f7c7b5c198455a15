import type { Definition, TaskDefinition } from "../release/definition.ts";
import { mermaidText } from "./markdown.ts";

/** More nodes than this are a picture that nobody reads, and Mermaid has limits of its own. */
const MOST_NODES = 60;

/**
 * A DAG's tasks and tables as a Mermaid flowchart: what was added, removed and changed is marked by a word, a line and a colour of its outline,
 * so that it reads on a light and on a dark ground. Of a large DAG only what changed and its neighbours are drawn.
 */
export function graphOf(before: Definition | undefined, after: Definition, changed: ReadonlySet<string>): string {
  const nodes = nodesOf(before, after, changed);
  const edges = edgesOf(before, after);
  const drawn = chosen(nodes, edges);
  const ids = new Map(drawn.map((node, index) => [node.key, `n${index}`]));
  const lines = drawn.map((node) => `  ${ids.get(node.key)}${shape(node)}:::${node.state}`);
  for (const edge of edges) {
    const [from, to] = [ids.get(edge.from), ids.get(edge.to)];
    if (from !== undefined && to !== undefined) lines.push(`  ${from} ${arrows[edge.state]} ${to}`);
  }
  if (drawn.length < nodes.length) lines.push(`  more["${nodes.length - drawn.length} more, not drawn"]:::same`);
  return ["flowchart LR", ...lines, ...classes].join("\n");
}

type State = "same" | "added" | "removed" | "changed";

interface Node {
  readonly key: string;
  readonly label: string;
  readonly kind: "task" | "table";
  readonly state: State;
}

interface Edge {
  readonly from: string;
  readonly to: string;
  readonly state: "same" | "added" | "removed";
}

const arrows = { same: "-->", added: "==>", removed: "-.->" } as const;
/** Words, not `+` and `-`: Mermaid takes those for a list. */
const signs: Readonly<Record<State, string>> = { same: "", added: "new: ", removed: "gone: ", changed: "changed: " };

/** Outlines only: the ground and the text keep the theme's colours. */
const classes = [
  "  classDef same stroke-width:1px",
  "  classDef added stroke:#2da44e,stroke-width:3px",
  "  classDef removed stroke:#d1242f,stroke-width:2px,stroke-dasharray:6 4",
  "  classDef changed stroke:#bf8700,stroke-width:3px",
];

function nodesOf(before: Definition | undefined, after: Definition, changed: ReadonlySet<string>): Node[] {
  // A DAG that is new as a whole needs no marks.
  const old = before === undefined ? null : before;
  const had = (id: string): boolean => old === null || old.tasks.some((task) => task.id === id);
  const now = new Set<string>(after.tasks.map((task) => task.id));
  const tasks: Node[] = [
    ...after.tasks.map((task) => taskNode(task, !had(task.id) ? "added" : changed.has(task.id) ? "changed" : "same")),
    ...(old?.tasks ?? []).filter((task) => !now.has(task.id)).map((task) => taskNode(task, "removed")),
  ];
  const [oldTables, newTables] = [tablesOf(old?.tasks ?? []), tablesOf(after.tasks)];
  const tables = [...new Set([...newTables, ...oldTables])].map((table): Node => {
    const state = old !== null && !oldTables.has(table) ? "added" : newTables.has(table) ? "same" : "removed";
    return { key: `table ${table}`, label: table, kind: "table", state };
  });
  return [...tasks, ...tables];
}

function taskNode(task: TaskDefinition, state: State): Node {
  return { key: `task ${task.id}`, label: task.id, kind: "task", state };
}

function tablesOf(tasks: readonly TaskDefinition[]): Set<string> {
  return new Set(tasks.flatMap((task) => (task.kind === "load" ? [task.dataset_name] : [])));
}

function edgesOf(before: Definition | undefined, after: Definition): Edge[] {
  const now = new Map(pairs(after.tasks).map((pair) => [pair.join("\n"), pair]));
  const old = before === undefined ? now : new Map(pairs(before.tasks).map((pair) => [pair.join("\n"), pair]));
  const edge = ([from, to]: readonly [string, string], state: Edge["state"]): Edge => ({ from, to, state });
  return [
    ...[...now].map(([key, pair]) => edge(pair, old.has(key) ? "same" : "added")),
    ...[...old].filter(([key]) => !now.has(key)).map(([, pair]) => edge(pair, "removed")),
  ];
}

function pairs(tasks: readonly TaskDefinition[]): (readonly [string, string])[] {
  return tasks.flatMap((task) => [
    ...task.dependencies.map((id) => [`task ${id}`, `task ${task.id}`] as const),
    ...(task.kind === "load" ? [[`task ${task.id}`, `table ${task.dataset_name}`] as const] : []),
  ]);
}

function chosen(nodes: readonly Node[], edges: readonly Edge[]): readonly Node[] {
  if (nodes.length <= MOST_NODES) return nodes;
  const news = new Set(nodes.filter((node) => node.state !== "same").map((node) => node.key));
  const near = new Set(edges.filter((edge) => edge.state !== "same").flatMap((edge) => [edge.from, edge.to]));
  for (const edge of edges) {
    if (news.has(edge.from)) near.add(edge.to);
    if (news.has(edge.to)) near.add(edge.from);
  }
  const first = nodes.filter((node) => news.has(node.key));
  const second = nodes.filter((node) => !news.has(node.key) && near.has(node.key));
  const rest = nodes.filter((node) => !news.has(node.key) && !near.has(node.key));
  return [...first, ...second, ...(first.length === 0 ? rest : [])].slice(0, MOST_NODES);
}

function shape(node: Node): string {
  const label = `"${signs[node.state]}${mermaidText(node.label)}"`;
  return node.kind === "table" ? `[(${label})]` : `[${label}]`;
}
