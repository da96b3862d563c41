// Rows on their way to the screen: one per id (a newer state of a delivery replaces the one that
// waits), at most so many kept, at most so many let through a second. The rest is counted.
export class Queue<Row> {
  skipped = 0;
  #rows = new Map<string, Row>();
  #allowance: number;
  #since: number | null = null;

  constructor(
    readonly kept: number,
    readonly perS: number,
  ) {
    this.#allowance = perS;
  }

  get length(): number {
    return this.#rows.size;
  }

  push(id: string, row: Row) {
    this.#rows.delete(id);
    this.#rows.set(id, row);
    if (this.#rows.size <= this.kept) return;
    const oldest = this.#rows.keys().next().value as string;
    this.#rows.delete(oldest);
    this.skipped += 1;
  }

  skip(count: number) {
    this.skipped += count;
  }

  /** The rows that may be drawn at `now` (ms), oldest first. */
  take(now: number): Row[] {
    if (this.#since !== null) {
      const gained = ((now - this.#since) / 1000) * this.perS;
      this.#allowance = Math.min(this.perS, this.#allowance + gained);
    }
    this.#since = now;
    const ready: Row[] = [];
    for (const [id, row] of this.#rows) {
      if (this.#allowance < 1) break;
      this.#allowance -= 1;
      this.#rows.delete(id);
      ready.push(row);
    }
    return ready;
  }

  clear() {
    this.#rows.clear();
    this.skipped = 0;
  }
}
