// What the camera file's JSON Schema says of a place in the text. Entries with a `kind` have that kind's keys.

import { type Value, keysOf, valueAt } from "./yaml-path";

export interface Schema {
  $ref?: string;
  $defs?: Record<string, Schema>;
  type?: string;
  description?: string;
  default?: unknown;
  enum?: unknown[];
  const?: unknown;
  properties?: Record<string, Schema>;
  required?: string[];
  patternProperties?: Record<string, Schema>;
  items?: Schema;
  prefixItems?: Schema[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
}

export class Guide {
  constructor(private readonly schema: Schema) {}

  /** The schemas that may hold at a path: several where a union's branch is not told by a `kind`. */
  at(path: readonly (string | number)[], root: Value): Schema[] {
    let here = this.branches(this.schema, root);
    for (let depth = 0; depth < path.length; depth++) {
      const step = path[depth] as string | number;
      const value = valueAt(root, path.slice(0, depth + 1));
      here = here.flatMap((schema) => {
        const below = typeof step === "number" ? (schema.prefixItems?.[step] ?? schema.items) : this.member(schema, step);
        return below ? this.branches(below, value) : [];
      });
    }
    return here;
  }

  /** A key's own schema, with the description that stands beside a reference. */
  describe(path: readonly (string | number)[], root: Value): Schema | null {
    const key = path[path.length - 1];
    if (typeof key !== "string") return this.at(path, root)[0] ?? null;
    for (const parent of this.at(path.slice(0, -1), root)) {
      const member = this.member(parent, key);
      if (member) return { ...this.resolve(member), ...member };
    }
    return null;
  }

  /** Words that a value may be. */
  words(schemas: readonly Schema[]): string[] {
    const words = schemas.flatMap((schema) => [
      ...(schema.enum ?? []),
      ...(schema.const === undefined ? [] : [schema.const]),
      ...(schema.type === "boolean" ? [true, false] : []),
    ]);
    return [...new Set(words.map(String))];
  }

  private member(schema: Schema, key: string): Schema | undefined {
    return schema.properties?.[key] ?? Object.values(schema.patternProperties ?? {})[0];
  }

  private resolve(schema: Schema): Schema {
    const name = schema.$ref?.split("/").pop();
    return name ? { ...this.schema.$defs?.[name], ...(schema.description ? { description: schema.description } : {}) } : schema;
  }

  private branches(schema: Schema, value: Value): Schema[] {
    const whole = this.resolve(schema);
    const choices = whole.oneOf ?? whole.anyOf;
    if (!choices) return [whole];
    const all = choices.flatMap((choice) => this.branches(choice, value));
    const kind = keysOf(value).includes("kind") ? valueAt(value, ["kind"]) : null;
    const fitting = all.filter((choice) => choice.properties?.kind?.const !== undefined && choice.properties.kind.const === kind);
    return fitting.length ? fitting : all;
  }
}

/** What a value must be, in few signs: `number, 0 – 1 (5)`. */
export function brief(schema: Schema, words: readonly string[]): string {
  const low = schema.minimum ?? schema.exclusiveMinimum;
  const range = low !== undefined || schema.maximum !== undefined ? ` ${low ?? ""} – ${schema.maximum ?? ""}` : "";
  const type = words.length ? words.join(" | ") : `${schema.type ?? ""}${range}`;
  const preset = schema.default === undefined || schema.default === null || typeof schema.default === "object" ? "" : ` (${String(schema.default)})`;
  return `${type}${preset}`.trim();
}
