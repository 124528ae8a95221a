// What can be said of the chosen thing without drawing: its name and kind, a lane's direction, the rules that watch it, the
// metres of calibration points.

import { one } from "../dom";
import { say } from "../strings";
import { kindOf, nameOf } from "./panel";
import type { Change, Path, Point, Shape } from "./server";
import type { Tool } from "./sketching";
import type { Store } from "./store";

interface Hands {
  change(changes: Change[], words: string): Promise<boolean>;
  draw(tool: Tool, path: Path): void;
  remove(shape: Shape): Promise<void>;
  moved(path: Path): void;
}

const ZONE_KINDS = ["area", "carriageway", "lane", "pavement", "crossing", "junction"];
const LINE_KINDS = ["stop_line", "count_line"];
const RULE_NAMES = JSON.parse(one("#rule-kinds").textContent ?? "{}") as Record<string, string>;

export class Details {
  private shown = "";
  private measuring: { points: Point[]; metres: (Point | null)[] } | null = null;

  constructor(private readonly root: HTMLElement, private readonly store: Store, private readonly hands: Hands) {}

  /** Ask for the metres of calibration points that are not in the file yet. */
  measure(points: Point[], metres: (Point | null)[] = []): void {
    this.measuring = { points, metres: points.map((_, index) => metres[index] ?? null) };
    this.shown = "";
    this.root.replaceChildren(this.measures(this.measuring.points, this.measuring.metres));
    this.root.querySelector("input")?.focus();
  }

  show(shape: Shape | null): void {
    if (this.measuring && (!shape || shape.shape === "calibration")) return;
    this.measuring = null;
    const state = JSON.stringify([shape, this.store.look.rules]);
    if (state === this.shown) return; // somebody may be typing in one of the fields
    const focused = this.root.contains(document.activeElement) ? (document.activeElement as HTMLElement).dataset.field : undefined;
    this.shown = state;
    this.root.replaceChildren(...(shape ? this.parts(shape) : []));
    if (focused) this.root.querySelector<HTMLElement>(`[data-field="${focused}"]`)?.focus();
  }

  private parts(shape: Shape): HTMLElement[] {
    const head = document.createElement("h3");
    head.textContent = `${nameOf(shape)} · ${kindOf(shape)}`;
    const parts: HTMLElement[] = [head];
    if (shape.shape === "zone" || shape.shape === "line") parts.push(this.fields(shape));
    if (shape.shape === "zone") parts.push(this.rules(shape));
    if (shape.shape === "calibration") parts.push(this.measures(shape.points, shape.metres ?? []));
    const actions = document.createElement("div");
    actions.className = "actions";
    if (shape.shape === "zone") {
      actions.append(button(say(shape.direction?.length ? "editor.redraw_direction" : "editor.draw_direction"), "direction", () => this.hands.draw("direction", shape.path)));
      if (shape.direction?.length)
        actions.append(button(say("editor.turn_direction"), "turn", () => void this.hands.change([{ path: [...shape.path, "direction"], value: [...(shape.direction ?? [])].reverse() }], say("editor.kept", { name: shape.name }))));
    }
    actions.append(button(say("editor.remove"), "remove", () => void this.hands.remove(shape), "danger"));
    parts.push(actions);
    const help = document.createElement("p");
    help.className = "small soft";
    help.textContent = say("editor.point_keys");
    parts.push(help);
    return parts;
  }

  private fields(shape: Shape): HTMLElement {
    const fields = document.createElement("div");
    fields.className = "fields";
    const name = document.createElement("input");
    Object.assign(name, { value: shape.name, maxLength: 120 });
    name.addEventListener("change", () => void this.put(shape, "name", name.value.trim()));
    name.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault(); // not the form that saves
      void this.put(shape, "name", name.value.trim());
    });
    fields.append(field(say("editor.name"), "name", name));
    const kinds = shape.shape === "zone" ? ZONE_KINDS : LINE_KINDS;
    fields.append(field(say("editor.kind"), "kind", select(kinds.map((kind) => [kind, say(`editor.kind_${kind}`)]), shape.kind ?? "", (kind) => void this.put(shape, "kind", kind))));
    if (shape.shape === "line") {
      const zones = this.store.look.shapes.filter((other) => other.shape === "zone").map((zone): [string, string] => [String(zone.path[1]), zone.name]);
      fields.append(field(say("editor.into"), "into", select([["", say("editor.into_none")], ...zones], shape.into ?? "", (into) => void this.put(shape, "into", into || null))));
    }
    return fields;
  }

  private put(shape: Shape, key: string, value: unknown): Promise<boolean> | null {
    if (value === "" || (shape as unknown as Record<string, unknown>)[key] === value) return null;
    return this.hands.change([{ path: [...shape.path, key], value }], say("editor.kept", { name: shape.name }));
  }

  private rules(shape: Shape): HTMLElement {
    const id = String(shape.path[1]);
    const part = document.createElement("div");
    part.className = "zone-rules";
    const watching = this.store.look.rules.filter((rule) => rule.zones.includes(id)).map((rule) => RULE_NAMES[rule.kind] ?? rule.kind);
    const words = document.createElement("p");
    words.textContent = watching.length ? say("editor.rules_here", { rules: watching.join(", ") }) : say("editor.no_rule_here");
    const offered = Object.entries(RULE_NAMES).filter(([kind]) => !this.store.look.rules.some((rule) => rule.kind === kind && rule.zones.includes(id)));
    const choice = select([["", say("editor.choose_rule")], ...offered], "", () => undefined);
    const add = button(say("editor.add_rule"), "add-rule", () => {
      const kind = choice.value;
      if (kind) void this.hands.change([{ path: ["rules", this.store.look.own_rules], value: { kind, zones: [id] } }], say("editor.rule_added", { rule: RULE_NAMES[kind] ?? kind }));
    });
    const row = document.createElement("div");
    row.className = "fields";
    row.append(field(say("editor.rule"), "rule", choice), add);
    part.append(words, row);
    return part;
  }

  /** A table of the calibration points' places on the ground. */
  private measures(points: Point[], metres: readonly (Point | null)[]): HTMLElement {
    const part = document.createElement("div");
    part.className = "measures";
    const words = document.createElement("p");
    words.textContent = say("editor.measure");
    part.append(words);
    const inputs = points.map((_, index) => {
      const row = document.createElement("div");
      row.className = "fields";
      const pair = ([0, 1] as const).map((axis) => {
        const input = document.createElement("input");
        Object.assign(input, { inputMode: "decimal", size: 7, value: metres[index] ? String((metres[index] as Point)[axis]) : "" });
        row.append(field(say(axis ? "editor.metres_away" : "editor.metres_across", { number: String(index + 1) }), `m${index}-${axis}`, input));
        return input;
      });
      part.append(row);
      return pair;
    });
    part.append(button(say("editor.keep_metres"), "keep-metres", () => {
      const values = inputs.map((pair) => pair.map((input) => (input.value.trim() === "" ? NaN : Number(input.value.replace(",", ".")))));
      inputs.forEach((pair, index) => pair.forEach((input, axis) => input.setAttribute("aria-invalid", String(!Number.isFinite(values[index]?.[axis])))));
      const first = inputs.flat().find((input) => input.getAttribute("aria-invalid") === "true");
      if (first) return first.focus();
      void this.hands.change([{ path: ["calibration", "image"], value: points }, { path: ["calibration", "ground_m"], value: values }], say("editor.calibrated")).then((done) => {
        if (!done) return;
        this.measuring = null;
        this.shown = "";
        this.hands.moved(["calibration"]);
      });
    }, "primary"));
    return part;
  }
}

function field(label: string, name: string, input: HTMLInputElement | HTMLSelectElement): HTMLElement {
  const [whole, words] = [document.createElement("label"), document.createElement("span")];
  whole.className = "field";
  words.textContent = label;
  input.dataset.field = name;
  whole.append(words, input);
  return whole;
}

function select(choices: readonly (readonly [string, string])[], value: string, onChange: (value: string) => void): HTMLSelectElement {
  const made = document.createElement("select");
  made.append(...choices.map(([key, words]) => new Option(words, key, false, key === value)));
  made.addEventListener("change", () => onChange(made.value));
  return made;
}

function button(words: string, name: string, onClick: () => void, look = ""): HTMLButtonElement {
  const made = document.createElement("button");
  Object.assign(made, { type: "button", className: `button ${look}`.trim(), textContent: words });
  made.dataset.field = name;
  made.addEventListener("click", onClick);
  return made;
}
