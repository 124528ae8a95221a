// The one text that the code editor and the drawing share, and what the server says of it.

import { type Change, type Draft, type Path, type Problem, type Rule, type Shape, Refused, change, check } from "./server";

const WAIT_MS = 400;

export interface Look {
  problems: Problem[];
  shapes: Shape[];
  rules: Rule[];
  own_rules: number;
  schedules: string[];
}

export const sameSpot = (a: Path | null, b: Path | null): boolean => JSON.stringify(a) === JSON.stringify(b);

export class Store {
  look: Look = { problems: [], shapes: [], rules: [], own_rules: 0, schedules: [] };
  private text: string;
  private timer = 0;
  private queue: Promise<unknown> = Promise.resolve();
  private readonly onText: ((text: string) => void)[] = [];
  private readonly onLook: ((look: Look) => void)[] = [];

  constructor(text: string) {
    this.text = text;
  }

  get value(): string {
    return this.text;
  }

  /** Called when the drawing has changed the text. */
  whenRewritten(call: (text: string) => void): void {
    this.onText.push(call);
  }

  whenSeen(call: (look: Look) => void): void {
    this.onLook.push(call);
  }

  /** Somebody typed. */
  typed(text: string): void {
    if (text === this.text) return;
    this.text = text;
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.refresh(), WAIT_MS);
  }

  /** Ask what the server says of the text as it is now. */
  async refresh(): Promise<void> {
    const asked = this.text;
    const draft = await check(asked).catch(() => null);
    if (draft && asked === this.text) this.see(draft);
  }

  /** Make a change in the text; one at a time, each on what the one before it left. */
  change(changes: Change[]): Promise<Draft> {
    const made = this.queue.then(async () => {
      for (;;) {
        const asked = this.text;
        const draft = await change(asked, changes);
        if (asked !== this.text) continue; // somebody typed meanwhile: made again in what stands there now
        clearTimeout(this.timer);
        this.text = draft.text;
        for (const call of this.onText) call(draft.text);
        this.see(draft);
        return draft;
      }
    });
    this.queue = made.catch((error: unknown) => {
      if (!(error instanceof Refused)) throw error;
    });
    return made;
  }

  private see(draft: Draft): void {
    this.look = {
      problems: draft.problems,
      shapes: draft.shapes,
      rules: draft.rules,
      own_rules: draft.own_rules,
      schedules: draft.schedules ?? this.look.schedules,
    };
    for (const call of this.onLook) call(this.look);
  }
}
