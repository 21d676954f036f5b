// Requests to the box. Actions carry a header that no page of another origin can send unasked.
import { duration } from '../format';
import { t } from '../texts';

const deadline = 15_000;

/** An answer other than the wanted one, as a sentence and what to do. */
export class ApiError extends Error {
  constructor(readonly status: number, sentence: string, readonly advice = '') {
    super(sentence);
  }
}

async function failure(answer: Response): Promise<ApiError> {
  let sentence = t.login.failed(answer.status);
  let advice = '';
  try {
    const body: unknown = await answer.json();
    if (typeof body === 'object' && body != null && 'error' in body) {
      const error = body.error;
      if (typeof error === 'string') sentence = error;
      else if (typeof error === 'object' && error != null && 'message' in error) sentence = String(error.message);
      if ('advice' in body && typeof body.advice === 'string') advice = body.advice;
    }
  } catch {
    // An answer without JSON, as of a proxy before the box: its status says all.
  }
  const wait = Number(answer.headers.get('Retry-After') ?? '');
  // Ollama's own words for a full queue tell no time.
  if (advice === '' && wait > 0 && !/\d/.test(sentence)) advice = t.askAgain(duration(wait));
  return new ApiError(answer.status, sentence, advice);
}

interface Wish {
  method?: string;
  body?: unknown;
  signal?: AbortSignal;
  /** By which the request is found in the box's lists: its id ends with it. */
  mark?: string;
  /** In milliseconds; imports and the doctor take longer than a look. */
  within?: number;
}

/** The raw answer, whose body is not read yet; throws ApiError where it is no success. */
export async function open(path: string, wish: Wish = {}): Promise<Response> {
  const headers: Record<string, string> = { Accept: 'application/json' };
  const method = wish.method ?? 'GET';
  if (method !== 'GET') headers['X-Corral-Action'] = '1';
  if (wish.mark !== undefined) headers['X-Request-Id'] = wish.mark;
  if (wish.body !== undefined) headers['Content-Type'] = 'application/json';
  let answer: Response;
  try {
    answer = await fetch(path, {
      method, headers, credentials: 'same-origin', cache: 'no-store', redirect: 'error', signal: wish.signal,
      body: wish.body === undefined ? undefined : JSON.stringify(wish.body),
    });
  } catch (error) {
    if (wish.signal?.aborted) throw error;
    throw new ApiError(0, t.login.unreachable, t.login.unreachableAdvice);
  }
  if (!answer.ok) throw await failure(answer);
  return answer;
}

const longestLine = 4 << 20; // letters

/** The lines of a streamed answer that hold JSON; one that never ends its line is cut off. */
export async function* jsonLines<T>(answer: Response): AsyncGenerator<T> {
  if (!answer.body) throw new ApiError(0, t.chat.cut);
  const reader = answer.body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    const parts = (rest + (value ?? '')).split('\n');
    rest = done ? '' : parts.pop() ?? '';
    if (rest.length > longestLine) throw new ApiError(0, t.chat.cut);
    for (const line of parts) if (line.trim() !== '') yield JSON.parse(line) as T;
    if (done) return;
  }
}

/** A whole answer as JSON. */
export async function ask<T>(path: string, wish: Wish = {}): Promise<T> {
  const limit = new AbortController();
  const late = setTimeout(() => limit.abort(), wish.within ?? deadline);
  const stop = () => limit.abort();
  wish.signal?.addEventListener('abort', stop, { once: true });
  try {
    const answer = await open(path, { ...wish, signal: limit.signal });
    return answer.status === 204 ? (undefined as T) : ((await answer.json()) as T);
  } catch (error) {
    if (limit.signal.aborted && !wish.signal?.aborted) throw new ApiError(0, t.login.late, t.login.unreachableAdvice);
    throw error;
  } finally {
    clearTimeout(late);
    wish.signal?.removeEventListener('abort', stop);
  }
}
