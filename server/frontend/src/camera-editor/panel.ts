// Beside the picture: the tools, what is drawn by name, and what can be said of the chosen thing.

import { all, around, data, one } from "../dom";
import { say } from "../strings";
import { crossing, distance, tidy } from "./geometry";
import { type Change, type Path, type Point, Refused, type Shape } from "./server";
import { Sketching, type Tool } from "./sketching";
import { type Part, Stage, arrow, percent } from "./stage";
import { type Look, type Store, sameSpot } from "./store";
import { Details } from "./details";

const SETTLE_MS = 500; // arrow keys repeat: the file changes once they rest

export class Panel {
  private readonly stage: Stage;
  private readonly details: Details;
  private readonly drawBar: HTMLElement;
  private readonly nameField: HTMLInputElement;
  private readonly kindField: HTMLSelectElement;
  private readonly finishButton: HTMLButtonElement;
  private readonly list: HTMLElement;
  private readonly said: HTMLElement;
  private sketching: Sketching | null = null;
  private chosen: Path | null = null;
  /** A shape whose points are not in the file yet. */
  private held: { path: Path; part: Part; points: Point[] } | null = null;
  private timer = 0;

  constructor(private readonly root: HTMLElement, private readonly store: Store, private readonly onChosen: (shape: Shape | null) => void) {
    this.drawBar = one("[data-draw-bar]", root);
    this.nameField = one<HTMLInputElement>("[name=shape_name]", root);
    this.kindField = one<HTMLSelectElement>("[name=shape_kind]", root);
    this.finishButton = one<HTMLButtonElement>("[data-finish]", root);
    this.list = one("[data-shapes]", root);
    this.said = one("[data-said]", root);
    this.stage = new Stage(root.querySelector("svg") as SVGSVGElement, {
      select: (path) => this.choose(path),
      tap: (point) => this.add(point),
      key: (event) => this.key(event),
      edit: (part, points, done) => this.edit(part, points, done),
    });
    this.details = new Details(one("[data-details]", root), store, {
      change: (changes, words) => this.change(changes, words),
      draw: (tool, path) => this.begin(tool, path),
      remove: (shape) => this.remove(shape),
      moved: (path) => {
        this.choose(path);
        this.say(say("editor.calibrated"));
      },
    });
    const picture = root.querySelector<HTMLImageElement>("img");
    const size = (): void => picture && picture.naturalWidth ? this.stage.setSize(picture.naturalWidth, picture.naturalHeight) : this.stage.setSize(16, 9);
    picture?.addEventListener("load", size);
    size();
    root.addEventListener("click", (event) => this.click(event));
    this.nameField.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault(); // it is no field of the form that saves
      if (this.sketching?.isWhole) void this.finish();
    });
    store.whenSeen((look) => this.see(look));
    root.hidden = false;
  }

  /** Choose what stands on a line of the text. */
  chooseLine(line: number): void {
    const within = this.store.look.shapes.filter(({ lines: [first = 0, last = -1] }) => first <= line && line <= last);
    const nearest = within.sort((a, b) => span(a) - span(b))[0] ?? null;
    if (!this.sketching && !sameSpot(nearest?.path ?? null, this.chosen)) this.choose(nearest?.path ?? null, false);
  }

  /** Build the file on a preset; what it needs drawn stands in the list then. */
  usePreset(name: string): void {
    void this.change([{ path: ["preset"], value: name }], say("editor.preset_used", { name }));
    this.root.scrollIntoView({ block: "start" });
  }

  private get own(): Shape | null {
    return this.shapes().find((shape) => sameSpot(shape.path, this.chosen)) ?? null;
  }

  private shapes(): Shape[] {
    const { held } = this;
    return this.store.look.shapes.map((shape) => (held && sameSpot(shape.path, held.path) ? { ...shape, [held.part]: held.points } : shape));
  }

  private see(look: Look): void {
    if (this.chosen && !look.shapes.some((shape) => sameSpot(shape.path, this.chosen))) this.chosen = null;
    this.show();
  }

  private show(): void {
    const { sketching } = this;
    const sketch = sketching && { points: sketching.points, closed: sketching.isClosed, cursor: sketching.cursor };
    this.stage.show(this.shapes(), this.chosen, sketch);
    for (const button of all<HTMLButtonElement>("[data-draw]", this.root)) {
      button.disabled = false; // what is drawn already is known now
      button.setAttribute("aria-pressed", String(sketching?.tool === button.dataset.draw));
    }
    this.drawBar.hidden = !sketching;
    this.finishButton.disabled = !sketching?.isWhole;
    this.details.show(sketching ? null : this.own);
    this.showList();
  }

  private showList(): void {
    const focused = this.list.contains(document.activeElement) ? (document.activeElement as HTMLElement).dataset.shape : undefined;
    const rows = this.store.look.shapes.map((shape) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = `shape-button ${shape.shape} ${shape.kind ?? ""}`;
      button.dataset.shape = JSON.stringify(shape.path);
      button.setAttribute("aria-pressed", String(sameSpot(shape.path, this.chosen)));
      const [name, note] = [document.createElement("b"), document.createElement("span")];
      name.textContent = nameOf(shape);
      note.textContent = shape.points.length ? kindOf(shape) : say("editor.undrawn");
      button.append(name, note);
      const row = document.createElement("li");
      row.append(button);
      return row;
    });
    this.list.replaceChildren(...rows);
    if (focused) all(`[data-shape]`, this.list).find((button) => button.dataset.shape === focused)?.focus();
  }

  private click(event: MouseEvent): void {
    const draw = around<HTMLButtonElement>(event, "[data-draw]");
    if (draw) return this.sketching?.tool === draw.dataset.draw ? this.cancel() : this.begin(data(draw, "draw") as Tool, null);
    if (around(event, "[data-finish]")) return void this.finish();
    if (around(event, "[data-back]")) return this.takeBack();
    if (around(event, "[data-cancel]")) return this.cancel();
    if (around(event, "[data-zoom]")) return this.zoom();
    const shape = around(event, "button[data-shape]");
    if (shape) this.choose(JSON.parse(data(shape, "shape")) as Path);
  }

  private zoom(): void {
    const [stage, button] = [one("[data-stage]", this.root), one("[data-zoom]", this.root)];
    const isNear = stage.classList.toggle("near");
    button.setAttribute("aria-pressed", String(isNear));
  }

  private choose(path: Path | null, isOwnWish = true): void {
    this.held = null;
    this.chosen = path;
    const shape = this.own;
    if (isOwnWish) this.onChosen(shape);
    if (isOwnWish && shape && !shape.points.length) return this.begin(shape.shape, shape.path);
    this.show();
    if (shape && isOwnWish) this.say(wrong(shape) ? say("editor.crossing") : say("editor.chosen", { name: nameOf(shape) }));
  }

  private begin(tool: Tool, target: Path | null): void {
    this.sketching = new Sketching(tool, target);
    const isNamed = target === null && ["zone", "line", "lamp"].includes(tool);
    one("[data-name-field]", this.root).hidden = !isNamed;
    one("[data-kind-field]", this.root).hidden = !(isNamed && tool === "zone");
    const count = this.store.look.shapes.filter((shape) => shape.shape === tool).length;
    this.nameField.value = say(`editor.new_${tool}`, { number: String(count + 1) });
    this.say(say(`editor.how_${tool}`));
    this.show();
    const svg = this.root.querySelector("svg");
    svg?.focus({ preventScroll: true });
    const box = svg?.getBoundingClientRect();
    if (box && (box.top < 0 || box.bottom > innerHeight)) svg?.scrollIntoView({ block: "center" });
  }

  private add(point: Point): void {
    const { sketching } = this;
    if (!sketching) return;
    const first = sketching.points[0];
    if (first && sketching.isClosed && sketching.isWhole && this.stage.isNear(first, point)) return void this.finish();
    const last = sketching.points[sketching.points.length - 1];
    if (last && distance(last, point) < 0.001) return; // a double tap
    sketching.points.push(point);
    sketching.cursor = null;
    this.progress(sketching);
    if (sketching.isFull) void this.finish();
  }

  private progress(sketching: Sketching): void {
    const count = { count: String(sketching.points.length) };
    const isWrong = sketching.isClosed && crossing(sketching.points).size > 0;
    this.say(isWrong ? say("editor.crossing") : say(sketching.isWhole ? "editor.may_finish" : "editor.points_so_far", count));
    this.show();
  }

  private key(event: KeyboardEvent): void {
    const { sketching } = this;
    if (!sketching) return;
    const way = arrow(event);
    if (way) {
      const here = sketching.cursor ?? sketching.points[sketching.points.length - 1] ?? [0.5, 0.5];
      sketching.cursor = tidy([here[0] + way[0], here[1] + way[1]]);
      this.show();
      this.say(say("editor.cursor", { x: percent(sketching.cursor[0]), y: percent(sketching.cursor[1]) }));
    } else if (event.key === "Enter" || event.key === " ") {
      const cursor = sketching.cursor ?? (sketching.points.length ? null : ([0.5, 0.5] as Point));
      if (cursor) {
        this.add(cursor);
        if (this.sketching) this.sketching.cursor = cursor;
        this.show();
      } else if (sketching.isWhole) void this.finish();
    } else if (event.key === "Backspace") this.takeBack();
    else if (event.key === "Escape") this.cancel();
    else return;
    event.preventDefault();
  }

  private takeBack(): void {
    if (!this.sketching) return;
    this.sketching.points.pop();
    this.progress(this.sketching);
  }

  private cancel(): void {
    const tool = this.sketching?.tool;
    this.sketching = null;
    this.say("");
    this.show();
    if (tool) all(`[data-draw]`, this.root).find((button) => button.dataset.draw === tool)?.focus();
  }

  private async finish(): Promise<void> {
    const { sketching } = this;
    if (!sketching?.isWhole) return;
    if (sketching.isClosed && crossing(sketching.points).size) return this.say(say("editor.crossing"), true);
    if (sketching.tool === "calibration") {
      this.sketching = null;
      this.chosen = null;
      this.details.measure(sketching.points);
      this.show();
      return;
    }
    const name = this.nameField.value.trim() || say(`editor.new_${sketching.tool}`, { number: "1" });
    const { changes, path } = sketching.changes(this.store.look.shapes, name, this.kindField.value);
    if (await this.change(changes, say("editor.made", { name }))) {
      this.sketching = null;
      this.choose(path);
      const isLane = this.own?.kind === "lane" && !this.own.direction?.length;
      if (isLane && sketching.tool === "zone") this.begin("direction", path);
      else {
        this.stage.focusPoint("points", 0);
        this.say(say("editor.made", { name }));
      }
    }
  }

  private edit(part: Part, points: Point[], done: boolean): void {
    const shape = this.own;
    if (!shape) return;
    clearTimeout(this.timer);
    const least = shape.shape === "line" || shape.shape === "lamp" || part === "direction" ? 2 : shape.shape === "calibration" ? 4 : 3;
    if (points.length < least) return this.say(say("editor.too_few", { count: String(least) }), true);
    this.held = { path: shape.path, part, points };
    this.stage.show(this.shapes(), this.chosen, null);
    const isWrong = part === "points" && wrong({ ...shape, points });
    this.say(isWrong ? say("editor.crossing") : "", isWrong);
    if (!done || isWrong) return;
    this.timer = window.setTimeout(() => void this.keep(shape, part, points), SETTLE_MS);
  }

  private async keep(shape: Shape, part: Part, points: Point[]): Promise<void> {
    const changes = edits(shape, part, points);
    if (!changes) return this.details.measure(points, pairUp(shape, points)); // a new point needs its metres first
    await this.change(changes, say("editor.kept", { name: nameOf(shape) }));
    if (this.held?.points === points) this.held = null;
    this.show();
  }

  private async remove(shape: Shape): Promise<void> {
    if (await this.change([{ path: shape.path, value: null }], say("editor.removed", { name: nameOf(shape) }))) {
      this.choose(null);
      all<HTMLButtonElement>("[data-draw]", this.root)[0]?.focus();
    }
  }

  /** Make a change in the file; where it is refused, say why in validation's words. */
  private async change(changes: Change[], words: string): Promise<boolean> {
    try {
      await this.store.change(changes);
      this.say(words);
      return true;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.held = null;
      const [first] = error.problems;
      this.say(first ? `${say("editor.refused")} ${first.path}: ${first.message} → ${first.remedy}` : say("editor.unreachable"), true);
      this.show();
      return false;
    }
  }

  private say(words: string, isBad = false): void {
    this.said.textContent = words;
    this.said.classList.toggle("bad", isBad);
  }
}

function span({ lines: [first = 0, last = 0] }: Shape): number {
  return last - first;
}

function wrong(shape: Shape): boolean {
  return !["line", "lamp", "calibration"].includes(shape.shape) && crossing(shape.points).size > 0;
}

export function nameOf(shape: Shape): string {
  if (shape.name) return shape.name;
  const number = typeof shape.path[2] === "number" ? String(shape.path[2] + 1) : "";
  return say(`editor.new_${shape.shape}`, { number }).trim();
}

export function kindOf(shape: Shape): string {
  return shape.shape === "zone" || shape.shape === "line" ? say(`editor.kind_${shape.kind ?? ""}`) : say(`editor.tool_${shape.shape}`);
}

/** What the file becomes by other points; null where metres are missing for one. */
function edits(shape: Shape, part: Part, points: Point[]): Change[] | null {
  if (part === "direction") return [{ path: [...shape.path, "direction"], value: points }];
  if (shape.shape === "zone" || shape.shape === "line") return [{ path: [...shape.path, "coordinates"], value: points }];
  if (shape.shape === "lamp") {
    const [xs, ys] = [points.map(([x]) => x).sort(), points.map(([, y]) => y).sort()];
    return [{ path: [...shape.path, "box"], value: [xs[0], ys[0], xs[1], ys[1]] }];
  }
  if (shape.shape !== "calibration") return [{ path: shape.path, value: points }];
  const metres = pairUp(shape, points);
  if (metres.some((pair) => pair === null)) return null;
  return [{ path: ["calibration", "image"], value: points }, { path: ["calibration", "ground_m"], value: metres }];
}

/** The metres of calibration points after some were moved, added or taken away. */
function pairUp(shape: Shape, points: Point[]): (Point | null)[] {
  const metres = shape.metres ?? [];
  if (points.length === shape.points.length) return points.map((_, index) => metres[index] ?? null);
  return points.map((point) => metres[shape.points.findIndex((old) => old[0] === point[0] && old[1] === point[1])] ?? null);
}

