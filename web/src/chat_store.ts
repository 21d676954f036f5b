// The conversation: kept in this browser only, one of each tab, and going on while another page is looked at.
import { ApiError, open } from './api/client';
import { Store } from './store';
import { t } from './texts';

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
  thinking?: string;
  images?: string[]; // base64, without a prefix
  calls?: ToolCall[];
  figures?: Figures;
  ended?: 'stopped' | 'cut';
  problem?: string;
}

export interface Chat {
  model: string;
  system: string;
  think: boolean;
  tools: string;
  turns: Turn[];
}

interface Piece {
  message?: { content?: string; thinking?: string; tool_calls?: ToolCall[] };
  done?: boolean;
  error?: string;
  eval_count?: number;
  prompt_eval_count?: number;
}

const place = 'corral.chat';
const mostTurns = 200;
const longestLine = 4 << 20; // letters of one line of the answer
const nothing: Chat = { model: '', system: '', think: false, tools: '', turns: [] };

const draftPlace = 'corral.draft';

/** This tab's own; a new tab begins with the one that was last written to. */
function kept(): Chat {
  for (const storage of ['sessionStorage', 'localStorage'] as const) {
    try {
      const read: unknown = JSON.parse(window[storage].getItem(place) ?? 'null');
      if (typeof read === 'object' && read != null && 'turns' in read && Array.isArray(read.turns)) return { ...nothing, ...read } as Chat;
    } catch {
      // Another version's, or storage is forbidden: a new conversation.
    }
  }
  return nothing;
}

export const chat = new Store<Chat>(kept());
export const writing = new Store<boolean>(false);
/** The request under way: by its mark it is found in the box's lists. */
export const asked = new Store<{ mark: string; at: number } | null>(null);
let running: AbortController | null = null;

function keep(): void {
  const now = chat.get();
  const bare = { ...now, turns: now.turns.map((turn) => ({ ...turn, images: undefined })) };
  for (const storage of ['sessionStorage', 'localStorage'] as const) {
    for (const version of [now, bare]) {
      try {
        window[storage].setItem(place, JSON.stringify(version));
        break;
      } catch {
        // Full: once more without the images, then not at all; the page goes on with what it has.
      }
    }
  }
}

/** What was typed and not sent yet outlives a reload. */
export function draft(): string {
  try {
    return sessionStorage.getItem(draftPlace) ?? '';
  } catch {
    return '';
  }
}

export function keepDraft(text: string): void {
  try {
    sessionStorage.setItem(draftPlace, text);
  } catch {
    // Then it lives as long as the page.
  }
}

export function change(part: Partial<Chat>): void {
  chat.update((old) => ({ ...old, ...part }));
  keep();
}

function changeLast(part: (turn: Turn) => Turn): void {
  chat.update((old) => ({ ...old, turns: [...old.turns.slice(0, -1), part(old.turns.at(-1)!)] }));
}

export function stop(): void {
  running?.abort();
}

export function forget(): void {
  stop();
  change({ turns: [] });
}

/** The lines of a streamed body; one that never ends its line is cut off. */
async function* lines(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    const parts = (rest + value).split('\n');
    rest = parts.pop() ?? '';
    if (rest.length > longestLine) throw new ApiError(0, t.chat.cut);
    yield* parts;
  }
  if (rest.trim() !== '') yield rest;
}

function toMessage(turn: Turn): object {
  return { role: turn.role, content: turn.content, images: turn.images?.length ? turn.images : undefined, tool_calls: turn.calls };
}

function request(of: Chat, thinks: boolean): object {
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

/** Sends `content` and gathers the answer; `thinks`: the model can think. */
export async function send(content: string, images: string[], thinks: boolean): Promise<void> {
  if (writing.get()) return;
  chat.update((old) => ({
    ...old,
    turns: [...old.turns, { role: 'user' as const, content, images }, { role: 'assistant' as const, content: '' }].slice(-mostTurns),
  }));
  writing.set(true);
  const abort = new AbortController();
  running = abort;
  const begin = performance.now();
  const mark = `page-${begin.toString(36).replace('.', '')}-${Math.random().toString(36).slice(2, 10)}`;
  asked.set({ mark, at: Date.now() });
  const since = () => (performance.now() - begin) / 1000;
  const gathered = new Gatherer();
  let first: number | null = null;
  let last: Piece = {};
  try {
    const answer = await open('/api/chat', { method: 'POST', body: request(chat.get(), thinks), signal: abort.signal, mark });
    if (!answer.body) throw new ApiError(0, t.chat.cut);
    for await (const line of lines(answer.body)) {
      if (line.trim() === '') continue;
      const piece = JSON.parse(line) as Piece;
      if (piece.error) throw new ApiError(0, piece.error);
      const { content: text = '', thinking = '', tool_calls: calls } = piece.message ?? {};
      if (first == null && (text !== '' || thinking !== '' || calls)) first = since();
      gathered.add(text, thinking);
      if (calls) changeLast((turn) => ({ ...turn, calls: [...(turn.calls ?? []), ...calls].slice(0, 64) }));
      if (piece.done) last = piece;
    }
    gathered.flush();
    if (!last.done) changeLast((turn) => ({ ...turn, ended: 'cut', problem: t.chat.cut }));
  } catch (error) {
    gathered.flush();
    if (abort.signal.aborted) changeLast((turn) => ({ ...turn, ended: 'stopped' }));
    else changeLast((turn) => ({ ...turn, ended: 'cut', problem: error instanceof ApiError ? [error.message, error.advice].join(' ').trim() : t.chat.cut }));
  } finally {
    changeLast((turn) => ({
      ...turn,
      figures: { answerTokens: last.eval_count ?? null, promptTokens: last.prompt_eval_count ?? null, seconds: since(), firstSeconds: first },
    }));
    running = null;
    asked.set(null);
    writing.set(false);
    keep();
  }
}
