import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Ajv, type ValidateFunction } from "ajv";
import addFormats from "ajv-formats";

/** As much of an OpenAPI 3.0 operation as is checked. */
interface Operation {
  readonly parameters?: readonly (Reference | Parameter)[];
  readonly requestBody?: { readonly required?: boolean; readonly content: Record<string, { readonly schema: Schema }> };
  readonly responses: Record<string, Reference | Response>;
}
interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly schema: Schema;
}
interface Response {
  readonly content?: Record<string, { readonly schema: Schema }>;
}
interface Reference {
  readonly $ref: string;
}
type Schema = Readonly<Record<string, unknown>>;
interface Document {
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: {
    readonly schemas: Record<string, Schema>;
    readonly parameters: Record<string, Parameter>;
    readonly responses: Record<string, Response>;
    readonly examples: Record<string, { readonly value: unknown }>;
  };
}

export interface GithubDescription {
  /** What GitHub would find wrong with a request: unknown or mistyped parameters, a body that does not fit. */
  checkRequest(method: string, template: string, query: Readonly<Record<string, string>>, body: unknown): string[];
  /** What of a response is not as GitHub describes it. */
  checkResponse(method: string, template: string, status: number, body: unknown): string[];
  /** A copy of the description's own example of an answer, to be filled with what the test is about. */
  example(name: string): Record<string, unknown>;
}

let read: GithubDescription | undefined;

/** GitHub's published description of its REST API, from @octokit/openapi. The first time takes a quarter of a second. */
export function readGithubDescription(): GithubDescription {
  read ??= describe();
  return read;
}

function describe(): GithubDescription {
  const file = fileURLToPath(import.meta.resolve("@octokit/openapi/generated/api.github.com.json"));
  const document = JSON.parse(readFileSync(file, "utf8")) as Document;
  const validator = schemaValidator(document.components.schemas);

  const operationOf = (method: string, template: string): Operation => {
    const operation = document.paths[template]?.[method.toLowerCase()];
    if (operation === undefined) throw new Error(`GitHub's description knows no ${method} ${template}`);
    return operation;
  };
  return {
    checkRequest(method, template, query, body) {
      const operation = operationOf(method, template);
      const known = (operation.parameters ?? []).map((each) => ("$ref" in each ? named(document.components.parameters, each) : each));
      const problems = Object.entries(query).flatMap(([name, text]) => {
        const parameter = known.find((each) => each.in === "query" && each.name === name);
        return parameter === undefined
          ? [`unknown query parameter ${name}`]
          : validator.check(parameter.schema, typed(text, parameter.schema), `query parameter ${name}`);
      });
      for (const { name, in: place, required } of known) {
        if (place === "query" && required === true && !(name in query)) problems.push(`missing query parameter ${name}`);
      }
      return [...problems, ...checkBody(operation, body)];
    },
    checkResponse(method, template, status, body) {
      const found = operationOf(method, template).responses[String(status)];
      if (found === undefined) return isGeneralError(status) ? [] : [`GitHub's description knows no answer ${status}`];
      const schema = ("$ref" in found ? named(document.components.responses, found) : found).content?.["application/json"]?.schema;
      const problems = schema === undefined ? [] : validator.check(schema, body, "answer");
      return problems.filter((problem) => !forkIsGone.test(problem));
    },
    example(name) {
      const example = document.components.examples[name]?.value;
      if (typeof example !== "object" || example === null) throw new Error(`GitHub's description has no example ${name}`);
      return structuredClone(Array.isArray(example) ? example[0] : example) as Record<string, unknown>;
    },
  };

  function checkBody(operation: Operation, body: unknown): string[] {
    const schema = operation.requestBody?.content["application/json"]?.schema;
    if (body === undefined) return operation.requestBody?.required === true ? ["missing body"] : [];
    if (schema === undefined) return ["a body where none belongs"];
    // GitHub ignores what it does not know; to send it is a mistake all the same.
    const properties = schema.properties;
    const unknown =
      typeof properties === "object" && properties !== null && typeof body === "object" && body !== null
        ? Object.keys(body).filter((name) => !(name in properties))
        : [];
    return [...unknown.map((name) => `unknown property ${name} in the body`), ...validator.check(schema, body, "body")];
  }
}

/** GitHub sends null for the repository of a fork that was deleted; its description of a single pull request leaves that out. */
const forkIsGone = /\/head\/repo must be object$/;

/** Answers that any call may get and the description does not repeat for each. */
function isGeneralError(status: number): boolean {
  return [401, 403, 404, 422, 429].includes(status) || status >= 500;
}

function named<T>(all: Record<string, T>, { $ref }: Reference): T {
  const found = all[$ref.slice($ref.lastIndexOf("/") + 1)];
  if (found === undefined) throw new Error(`GitHub's description lacks ${$ref}`);
  return found;
}

function typed(text: string, schema: Schema): unknown {
  if (schema.type === "integer") return /^-?\d+$/.test(text) ? Number(text) : text;
  if (schema.type === "boolean") return text === "true" ? true : text === "false" ? false : text;
  return text;
}

/** Compiles what is asked for, with the schemas that it refers to; the whole would take long. */
function schemaValidator(schemas: Record<string, Schema>): { check(schema: Schema, value: unknown, what: string): string[] } {
  const ajv = new Ajv({ strict: false, allErrors: false, validateSchema: false, logger: false });
  addFormats.default(ajv);
  const compiled = new Map<Schema, ValidateFunction>();
  const known = new Set<string>();

  const addReferred = (schema: unknown): void => {
    if (typeof schema !== "object" || schema === null) return;
    if ("$ref" in schema && typeof schema.$ref === "string") {
      const name = schema.$ref.slice(schema.$ref.lastIndexOf("/") + 1);
      const target = schemas[name];
      if (known.has(name) || target === undefined) return;
      known.add(name);
      ajv.addSchema(asJsonSchema(target) as Schema, name);
      addReferred(target);
      return;
    }
    for (const value of Object.values(schema)) addReferred(value);
  };
  return {
    check(schema, value, what) {
      let validate = compiled.get(schema);
      if (validate === undefined) {
        addReferred(schema);
        validate = ajv.compile(asJsonSchema(schema) as Schema);
        compiled.set(schema, validate);
      }
      return validate(value) ? [] : (validate.errors ?? []).map((error) => `${what}${error.instancePath} ${error.message ?? ""}`);
    },
  };
}

/** OpenAPI 3.0 writes null as `nullable` beside the rest; JSON Schema as one more alternative. */
function asJsonSchema(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(asJsonSchema);
  if (typeof schema !== "object" || schema === null) return schema;
  const { nullable, default: usual, example: _, examples: __, description: ___, ...rest } = schema as Record<string, unknown>;
  // Addresses that are empty unless given are described as `format: uri`.
  if (usual === "") delete rest.format;
  if (typeof rest.$ref === "string") return { $ref: rest.$ref.slice(rest.$ref.lastIndexOf("/") + 1) };
  const converted = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, asSchemaPart(key, value)]));
  return nullable === true ? { anyOf: [converted, { type: "null" }] } : converted;
}

function asSchemaPart(key: string, value: unknown): unknown {
  if (key === "enum" || key === "required") return value;
  // The names in here are of properties, not of keywords: one may be called `nullable` or `description`.
  if (key === "properties") return Object.fromEntries(Object.entries(value as object).map(([name, part]) => [name, asJsonSchema(part)]));
  return asJsonSchema(value);
}
