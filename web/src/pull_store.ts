// Packages that this page has the box fetch. A pull lives as long as somebody listens to it: one that was cut off goes on where it was.
import { pullModel, type PullLine } from './api/calls';
import { ApiError } from './api/client';
import { Store } from './store';
import { t } from './texts';

export interface Pull {
  name: string;
  state: 'going' | 'stopped' | 'failed';
  status: string;
  total: number | null; // bytes
  completed: number;
  rate: number | null; // bytes in one second
  problem: string;
}

const place = 'corral.pulls';
const settled = 3; // seconds over which the rate is taken
const running = new Map<string, AbortController>();

/** Names of unfinished ones outlive a reload, which ends them. */
function kept(): Pull[] {
  try {
    const names: unknown = JSON.parse(localStorage.getItem(place) ?? '[]');
    return Array.isArray(names) ? names.filter((name) => typeof name === 'string').slice(0, 20).map((name) => fresh(name, 'stopped')) : [];
  } catch {
    return [];
  }
}

function fresh(name: string, state: Pull['state']): Pull {
  return { name, state, status: '', total: null, completed: 0, rate: null, problem: '' };
}

export const pulls = new Store<Pull[]>(kept());
/** Counts what has changed on the disk of the box. */
export const brought = new Store<number>(0);
export const lastPulled = new Store<string>('');

function set(all: Pull[]): void {
  pulls.set(all);
  try {
    localStorage.setItem(place, JSON.stringify(all.map((one) => one.name)));
  } catch {
    // Then they are known as long as the page lives.
  }
}

function change(name: string, part: Partial<Pull>): void {
  set(pulls.get().map((one) => (one.name === name ? { ...one, ...part } : one)));
}

export function dismiss(name: string): void {
  set(pulls.get().filter((one) => one.name !== name));
}

export function cancel(name: string): void {
  running.get(name)?.abort();
}

/** Bytes in a second over the last moments. */
class Meter {
  private readonly seen: { at: number; bytes: number }[] = [];

  rate(bytes: number): number | null {
    const at = performance.now() / 1000;
    this.seen.push({ at, bytes });
    while (this.seen.length > 2 && this.seen[0]!.at < at - settled) this.seen.shift();
    const first = this.seen[0]!;
    return at - first.at > 0.5 ? Math.max(0, (bytes - first.bytes) / (at - first.at)) : null;
  }
}

function took(name: string, line: PullLine, meter: Meter): void {
  const part: Partial<Pull> = { status: line.status ?? '' };
  if (line.total != null) {
    Object.assign(part, { total: line.total, completed: line.completed ?? 0, rate: meter.rate(line.completed ?? 0) });
  }
  change(name, part);
}

export async function pull(name: string): Promise<void> {
  if (running.has(name)) return;
  const abort = new AbortController();
  running.set(name, abort);
  lastPulled.set('');
  set([...pulls.get().filter((one) => one.name !== name), fresh(name, 'going')]);
  const meter = new Meter();
  let done = false;
  try {
    for await (const line of pullModel(name, abort.signal)) {
      if (line.error) throw new ApiError(0, line.error);
      done = line.status === 'success';
      took(name, line, meter);
    }
    if (!done) throw new ApiError(0, t.pull.cut);
    dismiss(name);
    lastPulled.set(name);
  } catch (error) {
    if (abort.signal.aborted) change(name, { state: 'stopped', rate: null });
    else change(name, { state: 'failed', rate: null, problem: error instanceof ApiError ? [error.message, error.advice].join(' ').trim() : t.pull.cut });
  } finally {
    running.delete(name);
    brought.update((count) => count + 1);
  }
}
