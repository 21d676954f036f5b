// Conversations on the disk of this browser (IndexedDB), none of them on the box. Tabs of one browser hear of each other's changes.
import { Store } from './store';

export interface ToolCall {
  function?: { name?: string; arguments?: unknown };
}

export interface Figures {
  answerTokens: number | null;
  promptTokens: number | null;
  seconds: number;
  firstSeconds: number | null;
}

export interface Turn {
  role: 'user' | 'assistant';
  content: string;
  model?: string; // that wrote it
  thinking?: string;
  images?: string[]; // base64, without a prefix
  calls?: ToolCall[];
  figures?: Figures;
  ended?: 'stopped' | 'cut';
  problem?: string;
  /** Oldest messages that the box left out to make it fit. */
  dropped?: number;
}

export interface Conversation {
  id: string;
  title: string;
  named: boolean; // by its reader
  model: string;
  system: string;
  think: boolean;
  tools: string;
  turns: Turn[];
  changed: number; // milliseconds since 1970
}

export interface Summary {
  id: string;
  title: string;
  changed: number;
  text: string; // in lower case, for the search
}

const table = 'conversations';
const longestText = 50_000;
const channel = (() => {
  try {
    return new BroadcastChannel('corral.conversations');
  } catch {
    return null; // where this browser keeps nothing
  }
})();
/** The version of each that this tab goes on from; somebody else's later one is not written over. */
const seen = new Map<string, number>();
/** What could not be written lives as long as the page. */
const unwritten = new Map<string, Conversation>();
let opened: Promise<IDBDatabase> | undefined;

export const summaries = new Store<Summary[]>([]);
/** Why nothing is kept: this browser forbids it, or its disk is full. */
export const unkept = new Store<boolean>(false);

function answered<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error(table));
  });
}

function database(): Promise<IDBDatabase> {
  opened ??= (() => {
    const opening = indexedDB.open('corral', 1);
    opening.onupgradeneeded = () => void opening.result.createObjectStore(table, { keyPath: 'id' });
    return answered(opening);
  })();
  return opened;
}

async function rows(mode: IDBTransactionMode): Promise<IDBObjectStore> {
  return (await database()).transaction(table, mode).objectStore(table);
}

/** A full disk is told of here, behind a request that went well. */
function committed(of: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    of.oncomplete = () => resolve();
    of.onabort = () => reject(of.error ?? new Error(table));
  });
}

/** What `work` makes; nothing where this browser keeps nothing. */
async function kept<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    const out = await work();
    unkept.set(unwritten.size > 0);
    return out;
  } catch (error) {
    console.warn(table, error);
    opened = undefined; // its end may be the reason
    unkept.set(true);
    return undefined;
  }
}

export function titleOf(of: Pick<Conversation, 'turns'>): string {
  const first = of.turns.find((turn) => turn.role === 'user')?.content.trim().replace(/\s+/g, ' ') ?? '';
  return first.length > 60 ? `${first.slice(0, 59)}…` : first;
}

function summaryOf(of: Conversation): Summary {
  const text = [of.title, ...of.turns.map((turn) => turn.content)].join('\n').slice(0, longestText).toLowerCase();
  return { id: of.id, title: of.title, changed: of.changed, text };
}

function tell(of: Summary | undefined, id: string): void {
  summaries.update((old) => [...(of ? [of] : []), ...old.filter((one) => one.id !== id)].sort((a, b) => b.changed - a.changed));
}

export async function list(): Promise<void> {
  const all = await kept(async () => answered((await rows('readonly')).getAll() as IDBRequest<Conversation[]>));
  if (all) summaries.set([...unwritten.values(), ...all.filter((one) => !unwritten.has(one.id))].map(summaryOf).sort((a, b) => b.changed - a.changed));
}

export async function load(id: string): Promise<Conversation | undefined> {
  const found = await kept(async () => answered((await rows('readonly')).get(id) as IDBRequest<Conversation | undefined>));
  return unwritten.get(id) ?? found;
}

/** This tab goes on from that version. */
export function goOnFrom(of: Conversation): void {
  seen.set(of.id, of.changed);
}

/** Returns its id: another one where another tab has gone on with it meanwhile. */
export async function save(of: Conversation): Promise<string> {
  const at = Date.now();
  const id = await kept(async () => {
    const all = await rows('readwrite');
    const before = (await answered(all.get(of.id) as IDBRequest<Conversation | undefined>))?.changed ?? 0;
    const own = before <= (seen.get(of.id) ?? 0) ? of.id : crypto.getRandomValues(new Uint32Array(3)).join('-');
    all.put({ ...of, id: own, changed: at });
    await committed(all.transaction);
    seen.set(own, at);
    unwritten.delete(of.id);
    return own;
  });
  if (id === undefined) unwritten.set(of.id, { ...of, changed: at });
  tell(summaryOf({ ...of, id: id ?? of.id, changed: at }), id ?? of.id);
  if (id !== undefined) channel?.postMessage(id);
  return id ?? of.id;
}

export async function remove(id: string): Promise<void> {
  await kept(async () => answered((await rows('readwrite')).delete(id)));
  unwritten.delete(id);
  tell(undefined, id);
  channel?.postMessage(id);
}

/** Calls `changed` with the id of what another tab has written or removed. */
export function hear(changed: (id: string) => void): void {
  if (!channel) return;
  channel.onmessage = (event: MessageEvent<string>) => {
    void list();
    changed(event.data);
  };
}
