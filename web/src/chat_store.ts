// The conversation of this tab, going on while another page is looked at.
import { ApiError, jsonLines, open } from './api/client';
import { goOnFrom, hear, list, load, remove, save, titleOf, unkept, type Conversation, type ToolCall, type Turn } from './conversations';
import { begin as askWhoLooks } from './live';
import { Store } from './store';
import { t } from './texts';

interface Piece {
  message?: { content?: string; thinking?: string; tool_calls?: ToolCall[] };
  done?: boolean;
  error?: string;
  eval_count?: number;
  prompt_eval_count?: number;
}

const openPlace = 'corral.open'; // this tab's
const lastPlace = 'corral.last'; // choices of the last conversation
const draftPlace = 'corral.draft';
const mostCalls = 64;
const pauseOfSaves = 400; // milliseconds
const savedWhileWriting = 2000;

function read(storage: 'sessionStorage' | 'localStorage', place: string): string {
  try {
    return window[storage].getItem(place) ?? '';
  } catch {
    return '';
  }
}

function write(storage: 'sessionStorage' | 'localStorage', place: string, text: string): void {
  try {
    window[storage].setItem(place, text);
  } catch {
    // Then it lives as long as the page.
  }
}

function choices(): { model: string; think: boolean } {
  try {
    const { model, think } = JSON.parse(read('localStorage', lastPlace)) as Partial<Conversation>;
    return { model: typeof model === 'string' ? model : '', think: think === true };
  } catch {
    return { model: '', think: false };
  }
}

function empty(): Conversation {
  const id = crypto.getRandomValues(new Uint32Array(3)).join('-');
  return { id, title: '', named: false, ...choices(), system: '', tools: '', turns: [], changed: 0 };
}

export const chat = new Store<Conversation>(empty());
/** False until this tab's conversation was looked for. */
export const found = new Store<boolean>(false);
export const writing = new Store<boolean>(false);
/** The request under way: by its mark it is found in the box's lists. */
export const asked = new Store<{ mark: string; at: number } | null>(null);
let running: AbortController | null = null;
let due: ReturnType<typeof setTimeout> | undefined;

let typed: string | undefined;

/** What was typed and not sent yet outlives a reload. */
export function draft(): string {
  return typed ?? read('sessionStorage', draftPlace);
}

export function keepDraft(text: string): void {
  typed = text;
  write('sessionStorage', draftPlace, text);
}

async function keep(): Promise<void> {
  clearTimeout(due);
  due = undefined;
  const now = chat.get();
  write('localStorage', lastPlace, JSON.stringify({ model: now.model, think: now.think }));
  if (now.turns.length === 0) return;
  const id = await save(now);
  if (chat.get().id === now.id) {
    if (id !== now.id) chat.update((old) => ({ ...old, id }));
    write('sessionStorage', openPlace, id);
  }
}

export function change(part: Partial<Conversation>): void {
  chat.update((old) => ({ ...old, ...part }));
  due ??= setTimeout(() => void keep(), pauseOfSaves);
}

function changeLast(part: (turn: Turn) => Turn): void {
  chat.update((old) => ({ ...old, turns: [...old.turns.slice(0, -1), part(old.turns.at(-1)!)] }));
}

/** What an earlier version of the page has left. */
async function takeOver(): Promise<void> {
  const text = read('localStorage', 'corral.chat');
  if (text === '') return;
  try {
    const old = JSON.parse(text) as Partial<Conversation>;
    localStorage.removeItem('corral.chat');
    if (Array.isArray(old.turns) && old.turns.length > 0) await save({ ...empty(), ...old, title: titleOf({ turns: old.turns }) });
  } catch (error) {
    console.warn(error);
  }
}

function show(of: Conversation): void {
  goOnFrom(of);
  chat.set(of);
}

/** Shows what another tab has made of the open conversation, unless this one goes on with it itself. */
async function lookAgain(id: string): Promise<void> {
  const before = chat.get();
  if (id !== before.id || writing.get() || due !== undefined) return;
  const now = await load(id);
  if (chat.get() !== before) await lookAgain(id); // asked or changed here meanwhile, or shown already
  else if (now) show(now);
  else if (!unkept.get()) chat.set(empty());
}

/** Begins with what this tab had open. */
export async function begin(): Promise<void> {
  await takeOver();
  const before = read('sessionStorage', openPlace);
  const one = before === '' ? undefined : await load(before);
  if (one && chat.get().turns.length === 0) show(one);
  found.set(true);
  await list();
  hear((id) => void lookAgain(id));
}

export async function openConversation(id: string): Promise<void> {
  if (writing.get()) return;
  if (due !== undefined) await keep();
  const one = await load(id);
  if (!one || writing.get()) return;
  show(one);
  write('sessionStorage', openPlace, id);
}

export async function startAnew(): Promise<void> {
  if (writing.get()) return;
  if (due !== undefined) await keep();
  if (writing.get()) return;
  chat.set(empty());
  write('sessionStorage', openPlace, '');
}

export function rename(title: string): void {
  const own = title.trim();
  change({ title: own === '' ? titleOf(chat.get()) : own, named: own !== '' });
}

export async function forget(): Promise<void> {
  const { id } = chat.get();
  clearTimeout(due);
  due = undefined;
  chat.set(empty());
  write('sessionStorage', openPlace, '');
  await remove(id);
}

export function stop(): void {
  running?.abort();
}

function toMessage(turn: Turn): object {
  return { role: turn.role, content: turn.content, images: turn.images?.length ? turn.images : undefined, tool_calls: turn.calls };
}

function request(of: Conversation, thinks: boolean): object {
  const system = of.system.trim() === '' ? [] : [{ role: 'system', content: of.system }];
  const turns = of.turns.slice(0, -1).filter((turn) => turn.content !== '' || turn.images?.length || turn.calls);
  return {
    model: of.model, stream: true, messages: [...system, ...turns.map(toMessage)],
    think: thinks ? of.think : undefined, tools: of.tools.trim() === '' ? undefined : JSON.parse(of.tools),
  };
}

/** Milliseconds between two drawings of an answer: a long one takes longer to draw. */
function pause(length: number): number {
  return 40 + Math.min(300, length / 60);
}

/** Pieces are gathered for a frame of the screen: a fast model writes more often than a page can be drawn. */
class Gatherer {
  private content = '';
  private thinking = '';
  private due = 0;
  private length = 0;

  add(content: string, thinking: string): void {
    this.content += content;
    this.length += content.length;
    this.thinking += thinking;
    // A hidden page gets no frames; a timer goes on.
    this.due ||= window.setTimeout(() => this.flush(), pause(this.length));
  }

  flush(): void {
    clearTimeout(this.due);
    this.due = 0;
    const { content, thinking } = this;
    if (content === '' && thinking === '') return;
    this.content = this.thinking = '';
    changeLast((turn) => ({ ...turn, content: turn.content + content, thinking: (turn.thinking ?? '') + thinking }));
  }
}

/** Asks a question behind the first `before` turns, and gathers its answer; `thinks`: the model can think. */
async function ask(before: number, question: Turn, thinks: boolean): Promise<void> {
  if (writing.get()) return;
  chat.update((old) => {
    const turns = [...old.turns.slice(0, before), question, { role: 'assistant' as const, content: '', model: old.model }];
    return { ...old, turns, title: old.named ? old.title : titleOf({ turns }) };
  });
  writing.set(true);
  void keep();
  const abort = new AbortController();
  running = abort;
  const begun = performance.now();
  const mark = `page-${begun.toString(36).replace('.', '')}-${Math.random().toString(36).slice(2, 10)}`;
  asked.set({ mark, at: Date.now() });
  const since = () => (performance.now() - begun) / 1000;
  const gathered = new Gatherer();
  const saving = setInterval(() => void keep(), savedWhileWriting);
  let first: number | null = null;
  let last: Piece = {};
  try {
    const answer = await open('/api/chat', { method: 'POST', body: request(chat.get(), thinks), signal: abort.signal, mark });
    const dropped = Number(answer.headers.get('Corral-Dropped-Messages') ?? 0);
    if (dropped > 0) changeLast((turn) => ({ ...turn, dropped }));
    for await (const piece of jsonLines<Piece>(answer)) {
      if (piece.error) throw new ApiError(0, piece.error);
      const { content: text = '', thinking = '', tool_calls: calls } = piece.message ?? {};
      if (first == null && (text !== '' || thinking !== '' || calls)) first = since();
      gathered.add(text, thinking);
      if (calls) changeLast((turn) => ({ ...turn, calls: [...(turn.calls ?? []), ...calls].slice(0, mostCalls) }));
      if (piece.done) last = piece;
    }
    gathered.flush();
    if (!last.done) changeLast((turn) => ({ ...turn, ended: 'cut', problem: t.chat.cut }));
  } catch (error) {
    gathered.flush();
    if (abort.signal.aborted) changeLast((turn) => ({ ...turn, ended: 'stopped' }));
    else if (error instanceof ApiError && error.status === 401) {
      changeLast((turn) => ({ ...turn, ended: 'cut', problem: t.chat.loggedOut }));
      void askWhoLooks();
    } else changeLast((turn) => ({ ...turn, ended: 'cut', problem: error instanceof ApiError ? [error.message, error.advice].join(' ').trim() : t.chat.cut }));
  } finally {
    clearInterval(saving);
    changeLast((turn) => ({
      ...turn,
      figures: { answerTokens: last.eval_count ?? null, promptTokens: last.prompt_eval_count ?? null, seconds: since(), firstSeconds: first },
    }));
    running = null;
    asked.set(null);
    writing.set(false);
    void keep();
  }
}

export function send(content: string, images: string[], thinks: boolean): Promise<void> {
  return ask(chat.get().turns.length, { role: 'user', content, images }, thinks);
}

/** The question in the place of turn `at`, with other words; what came behind it goes. */
export function askInstead(at: number, content: string, thinks: boolean): Promise<void> {
  const old = chat.get().turns[at];
  return old ? ask(at, { role: 'user', content, images: old.images }, thinks) : Promise.resolve();
}

export function answerAgain(thinks: boolean): Promise<void> {
  const { turns } = chat.get();
  const at = turns.findLastIndex((turn) => turn.role === 'user');
  return at < 0 ? Promise.resolve() : ask(at, turns[at]!, thinks);
}

/** The conversation as Markdown. */
export function asText(of: Conversation): string {
  const system = of.system.trim() === '' ? [] : [`## ${t.chat.system}\n\n${of.system.trim()}`];
  const turns = of.turns.map((turn) => `## ${turn.role === 'user' ? t.chat.you : turn.model ?? of.model}\n\n${turn.content.trim()}`);
  return `${[`# ${of.title}`, ...system, ...turns].join('\n\n')}\n`;
}
