// Where in a YAML text the cursor stands, however broken the text is while somebody writes: the keys above it, whether a
// key or a value is being written, and what stands beside it.

const MARK = "\ue000"; // stands in the text where the cursor is; of the private use area

export interface Entry {
  key: string;
  value: Value;
}

export type Value = string | Entry[] | Value[] | null;

export interface Place {
  /** Keys and indices of the value that is being written, or of the mapping whose key is. */
  path: (string | number)[];
  isKey: boolean;
  /** What was written of it so far, up to the cursor. */
  written: string;
  root: Value;
}

interface Line {
  indent: number;
  text: string;
}

const KEY = /^("(?:[^"\\]|\\.)*"|'[^']*'|[^\s#:[\]{},"'&*!|>%@`-][^:#[\]{},]*?)\s*:(?=\s|$)/;

export function placeAt(text: string, cursor: number): Place | null {
  const found: Place[] = [];
  const marked = text.slice(0, cursor) + MARK + text.slice(cursor);
  const lines = marked.split("\n").map((raw) => ({ indent: raw.length - raw.trimStart().length, text: raw.trim() }));
  const reader = new Reader(lines.filter((line) => line.text !== "" && !/^#[^\ue000]*$/.test(line.text)), found);
  const root = reader.block(-1, []);
  const place = found[0];
  return place ? { ...place, root } : null;
}

/** What stands at a path. */
export function valueAt(root: Value, path: readonly (string | number)[]): Value {
  return path.reduce<Value>((value, step) => {
    if (!Array.isArray(value)) return null;
    if (typeof step === "number") return (value[step] as Value | undefined) ?? null;
    return (value as Entry[]).find((entry) => entry?.key === step)?.value ?? null;
  }, root);
}

export function keysOf(value: Value): string[] {
  return Array.isArray(value) ? (value as Entry[]).flatMap((entry) => (entry && typeof entry === "object" && "key" in entry ? [entry.key] : [])) : [];
}

class Reader {
  private index = 0;

  constructor(private readonly lines: Line[], private readonly found: Place[]) {}

  /** A block whose lines are indented by more than `above`. */
  block(above: number, path: (string | number)[]): Value {
    const first = this.lines[this.index];
    if (!first || first.indent <= above) return null;
    return first.text.startsWith("- ") || first.text === "-" || first.text === `-${MARK}` ? this.list(first.indent, path) : this.mapping(first.indent, path);
  }

  private list(indent: number, path: (string | number)[]): Value[] {
    const items: Value[] = [];
    for (let line = this.lines[this.index]; line && line.indent === indent && line.text.startsWith("-"); line = this.lines[this.index]) {
      const rest = line.text.slice(1).trimStart();
      const here = [...path, items.length];
      if (rest === "") {
        this.index++;
        items.push(this.block(indent, here));
        continue;
      }
      // What follows the dash is a line of its own, indented to where it begins.
      this.lines[this.index] = { indent: indent + line.text.length - rest.length, text: rest };
      if (KEY.test(rest) || (rest.includes(MARK) && !/^[[{"']/.test(rest))) items.push(this.mapping(indent + line.text.length - rest.length, here));
      else items.push(this.inline(rest, indent, here));
    }
    return items;
  }

  private mapping(indent: number, path: (string | number)[]): Entry[] {
    const entries: Entry[] = [];
    for (let line = this.lines[this.index]; line && line.indent >= indent; line = this.lines[this.index]) {
      const match = KEY.exec(line.text);
      if (line.indent > indent && !line.text.includes(MARK)) {
        this.index++; // out of place: its mistake is told by the server
        continue;
      }
      if (line.indent === indent && line.text.startsWith("- ")) break;
      if (!match) {
        this.index++;
        if (line.text.includes(MARK)) this.find(path, true, line.text);
        continue;
      }
      const key = unquoted(match[1] ?? "");
      if (key.includes(MARK)) this.find(path, true, key);
      const rest = line.text.slice(match[0].length).trim();
      const here = [...path, key.replace(MARK, "")];
      let value: Value;
      if (rest === "" || rest.startsWith("#")) {
        this.index++;
        const next = this.lines[this.index];
        value = next && next.indent === indent && next.text.startsWith("-") ? this.list(indent, here) : this.block(indent, here);
      } else value = this.inline(rest, indent, here);
      entries.push({ key: key.replace(MARK, ""), value });
    }
    return entries;
  }

  /** A value that begins in a line: a word, or a list or mapping in brackets that may go on over more lines. */
  private inline(rest: string, indent: number, path: (string | number)[]): Value {
    this.index++;
    if (!/^[[{]/.test(rest)) {
      const word = rest.replace(/\s+#[^\ue000]*$/, "");
      if (word.includes(MARK)) this.find(path, false, word);
      return unquoted(word.replace(MARK, ""));
    }
    let text = rest;
    while (depth(text) > 0) {
      const next = this.lines[this.index];
      if (!next || (next.indent <= indent && KEY.test(next.text) && !/^[\]}]/.test(next.text))) break;
      text += ` ${next.text.replace(/\s+#[^\ue000]*$/, "")}`;
      this.index++;
    }
    return new Flow(text, (at, isKey, written) => this.find(at, isKey, written)).value(path);
  }

  private find(path: (string | number)[], isKey: boolean, text: string): void {
    const written = text.slice(0, text.indexOf(MARK)).replace(/^["']/, "");
    this.found.push({ path, isKey, written, root: null });
  }
}

/** Reads `{a: [1, b], c: d}`, whole or not. */
class Flow {
  private at = 0;

  constructor(private readonly text: string, private readonly find: (path: (string | number)[], isKey: boolean, text: string) => void) {}

  value(path: (string | number)[]): Value {
    this.space();
    if (this.text[this.at] === "[") return this.list(path);
    if (this.text[this.at] === "{") return this.mapping(path);
    const word = this.word();
    if (word.includes(MARK)) this.find(path, false, word);
    return unquoted(word.replace(MARK, "").trim());
  }

  private list(path: (string | number)[]): Value[] {
    this.at++;
    const items: Value[] = [];
    for (this.space(); this.at < this.text.length && this.text[this.at] !== "]"; this.space()) {
      const before = this.at;
      items.push(this.value([...path, items.length]));
      this.space();
      if (this.text[this.at] === ",") this.at++;
      else if (this.at === before) this.at++;
    }
    this.at++;
    return items;
  }

  private mapping(path: (string | number)[]): Entry[] {
    this.at++;
    const entries: Entry[] = [];
    for (this.space(); this.at < this.text.length && this.text[this.at] !== "}"; this.space()) {
      const before = this.at;
      const name = this.word(true);
      const key = unquoted(name.replace(MARK, "").trim());
      if (this.text[this.at] === ":") {
        this.at++;
        if (name.includes(MARK)) this.find(path, true, name.trimStart());
        entries.push({ key, value: this.value([...path, key]) });
      } else if (name.includes(MARK)) this.find(path, true, name.trimStart());
      this.space();
      if (this.text[this.at] === ",") this.at++;
      else if (this.at === before) this.at++;
    }
    this.at++;
    return entries;
  }

  private word(isKey = false): string {
    const quote = this.text[this.at];
    if (quote === '"' || quote === "'") {
      const end = this.text.indexOf(quote, this.at + 1);
      const word = this.text.slice(this.at, end < 0 ? undefined : end + 1);
      this.at += word.length;
      return word;
    }
    const start = this.at;
    while (this.at < this.text.length && !/[,[\]{}]/.test(this.text[this.at] ?? "")) {
      if (isKey && this.text[this.at] === ":" && /^(?:\s|$|[\ue000])/.test(this.text.slice(this.at + 1))) break;
      this.at++;
    }
    return this.text.slice(start, this.at);
  }

  private space(): void {
    while (/\s/.test(this.text[this.at] ?? "")) this.at++;
  }
}

function depth(text: string): number {
  let count = 0;
  for (const letter of text.replace(/"[^"]*"|'[^']*'/g, "")) count += "[{".includes(letter) ? 1 : "]}".includes(letter) ? -1 : 0;
  return count;
}

function unquoted(word: string): string {
  return /^(["']).*\1$/s.test(word) ? word.slice(1, -1) : word;
}
