// What the box says of itself now. One stream feeds all pages.
import { modelNames, session as askSession } from './api/calls';
import { ApiError } from './api/client';
import { followBox } from './api/events';
import type { Requests as RequestList, Session, Status } from './api/types';
import type { Point } from './parts/chart';
import { Store } from './store';
import { t } from './texts';

export type Connection = 'connecting' | 'live' | 'lost';
/** Who looks: not asked yet, somebody who may, or the reason why not. */
export type Access = { kind: 'asking' } | { kind: 'in' } | { kind: 'login'; why: ApiError } | { kind: 'refused'; why: ApiError };

export const status = new Store<Status | null>(null);
export const requests = new Store<RequestList>({ waiting: [], running: [], recent: [] });
/** Those that chat; null: not told yet. */
export const models = new Store<string[] | null>(null);
export const history = new Store<Point[]>([]);
export const connection = new Store<Connection>('connecting');
export const news = new Store<string>('');
export const access = new Store<Access>({ kind: 'asking' });
export const session = new Store<Pick<Session, 'scopes' | 'key' | 'box'>>({ scopes: [], key: null, box: '' });

const kept = 300; // seconds of the chart
const sampled = 1; // seconds between its points
let follow: (() => void) | null = null;
let sampler: ReturnType<typeof setInterval> | undefined;
let names = '';
let asked = false; // the requests of the box are known

function sample(): void {
  if (connection.get() === 'connecting') return; // what was written meanwhile is told by the last requests
  const now = status.get();
  const at = Date.now() / 1000;
  const value = connection.get() !== 'live' ? 0 : (now?.models ?? []).reduce((sum, model) => sum + (model.tokens_per_second ?? 0), 0);
  history.update((old) => [...old.filter((point) => point.at > at - kept), { at, value }]);
}

/** What was written before this page was opened, second by second, from the stages of the box's last requests. */
function before(list: RequestList): Point[] {
  const end = Date.now() / 1000;
  const runs = list.recent.flatMap((one) => {
    const decode = one.stages.find((stage) => stage.name === 'decode');
    const begin = Date.parse(one.arrived) / 1000 + (decode?.begin_ms ?? 0) / 1000;
    return decode == null || one.answer_tokens == null ? [] : [{ begin, end: begin + decode.length_ms / 1000, tokens: one.answer_tokens }];
  });
  return Array.from({ length: kept / sampled }, (_, index) => {
    const at = end - kept + index * sampled;
    const rate = ({ begin, end: over, tokens }: (typeof runs)[number]) =>
      tokens * Math.max(0, Math.min(at + sampled, over) - Math.max(at, begin)) / Math.max(1e-3, over - begin) / sampled;
    return { at, value: runs.reduce((sum, run) => sum + rate(run), 0) };
  });
}

/** A restart and an upgrade are told apart by the version and by how long the program runs. */
function tellOfChange(before: Status | null, now: Status): void {
  if (!before) return;
  if (before.version !== now.version) news.set(t.connection.upgraded(before.version, now.version));
  else if (now.pid !== before.pid || now.uptime_seconds < before.uptime_seconds) news.set(t.connection.restarted(now.version));
}

function took(now: Status): void {
  tellOfChange(status.get(), now);
  status.set(now);
  const listed = (now.models ?? []).map((model) => `${model.model} ${model.aliases.join(' ')}`).join('\n');
  if (listed !== names) {
    names = listed;
    void askNames();
  }
}

/** Once more where the box had no answer, as at its restart: the list may not change again for days. */
async function askNames(): Promise<void> {
  try {
    models.set(await modelNames());
  } catch (error) {
    console.warn('/api/tags', error);
    if (!(error instanceof ApiError) || (error.status !== 401 && error.status !== 403)) setTimeout(() => void askNames(), 2000);
  }
}

function refused(why: unknown): boolean {
  if (!(why instanceof ApiError) || (why.status !== 401 && why.status !== 403)) return false;
  end();
  connection.set('live'); // the box answers, if only this
  access.set({ kind: why.status === 401 ? 'login' : 'refused', why });
  return true;
}

/** Ends the stream, as for a log-out. */
export function end(): void {
  follow?.();
  follow = null;
  clearInterval(sampler);
}

/** Asks who looks, and follows the box where they may. Tried again until the box answers. */
export async function begin(): Promise<void> {
  end();
  try {
    session.set(await askSession());
  } catch (why) {
    if (!refused(why)) {
      connection.set('lost');
      setTimeout(() => void begin(), 2000);
    }
    return;
  }
  access.set({ kind: 'in' });
  if (!session.get().scopes.includes('observe')) {
    // Nothing to follow: such a key may chat.
    await askNames();
    connection.set('live');
    return;
  }
  sampler = setInterval(sample, sampled * 1000);
  follow = followBox({
    opened: () => connection.set('live'),
    status: took,
    requests: (now) => {
      if (!asked) history.update((old) => (old.length > kept / 2 ? old : [...before(now).filter((point) => !(point.at >= (old[0]?.at ?? Infinity))), ...old]));
      asked = true;
      requests.set(now);
    },
    lost: (why) => {
      connection.set('lost');
      refused(why);
    },
    slept: () => {
      connection.set('connecting');
      history.set([]);
      asked = false;
    },
  });
}
