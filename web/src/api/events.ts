// Streams of the box. A browser's EventSource gives up for good on an answer other than 200, as a proxy or a starting box sends it,
// so that case is tried again here, with growing pauses.
import { ask, ApiError } from './client';
import type { Requests as RequestList, Status } from './types';

const shortest = 500; // milliseconds between tries
const longest = 5000;
const unseen = 20_000; // a browser has six connections to a box, so a page that nobody sees gives its own back
const silence = 45_000; // without a word, not even a heartbeat, the connection is taken for dead

interface Streamed {
  names: string[];
  /** A connection is there; what comes begins anew. */
  opened?: () => void;
  got: (name: string, data: unknown) => void;
  /** No connection; it is tried again. `why` where the box said it: a key is missing, too many follow. */
  lost: (why: unknown) => void;
  /** Nobody looks, so nothing comes until somebody does. */
  slept?: () => void;
}

/** Follows `path` until the returned function is called. */
export function stream(path: string, to: Streamed): () => void {
  let source: EventSource | null = null;
  let ended = false;
  let pause = shortest;
  let again: ReturnType<typeof setTimeout> | undefined;
  let quiet: ReturnType<typeof setTimeout> | undefined;
  let hiding: ReturnType<typeof setTimeout> | undefined;
  let asleep = false;

  const heard = () => {
    clearTimeout(quiet);
    quiet = setTimeout(() => retry(null), silence);
  };
  const retry = (why: unknown) => {
    source?.close();
    source = null;
    clearTimeout(quiet);
    if (ended || asleep) return;
    to.lost(why);
    clearTimeout(again);
    again = setTimeout(connect, pause * (0.8 + 0.4 * Math.random()));
    pause = Math.min(longest, pause * 2);
  };
  // An EventSource does not tell its status: the session does.
  const askWhy = () => ask('/corral/v1/session').then(() => null, (error: unknown) => (error instanceof ApiError && error.status > 0 ? error : null));
  const connect = () => {
    if (ended) return;
    const now = new EventSource(path);
    source = now;
    heard();
    now.onopen = () => {
      pause = shortest;
      heard();
      to.opened?.();
    };
    for (const name of [...to.names, 'heartbeat']) {
      now.addEventListener(name, (event: MessageEvent<string>) => {
        heard();
        if (name === 'heartbeat') return;
        let data: unknown;
        try {
          data = JSON.parse(event.data);
        } catch (error) {
          console.warn(path, error);
          return;
        }
        to.got(name, data);
      });
    }
    now.onerror = () => {
      if (source !== now) return;
      now.close();
      source = null;
      void askWhy().then((why) => retry(why));
    };
  };
  const seen = () => {
    clearTimeout(hiding);
    if (!document.hidden) {
      if (asleep) {
        asleep = false;
        connect();
      }
      return;
    }
    hiding = setTimeout(() => {
      asleep = true;
      source?.close();
      source = null;
      clearTimeout(again);
      clearTimeout(quiet);
      to.slept?.();
    }, unseen);
  };
  document.addEventListener('visibilitychange', seen);
  connect();
  return () => {
    ended = true;
    document.removeEventListener('visibilitychange', seen);
    clearTimeout(hiding);
    source?.close();
    clearTimeout(again);
    clearTimeout(quiet);
  };
}

export interface FollowedLine {
  model: string | null;
  service: string;
  time: string;
  text: string;
  /** A remark of this page. */
  own?: boolean;
}

/** Lines of `service` ('' for all) as they come; `fresh`: what follows begins with the kept lines. */
export function followLogs(service: string, to: {
  line: (line: FollowedLine) => void; fresh: () => void; lost: (lines: number) => void; failed: (why: unknown) => void;
}): () => void {
  const query = service === '' ? '' : `?service=${encodeURIComponent(service)}`;
  return stream(`/corral/v1/logs/stream${query}`, {
    names: ['line', 'lost'],
    opened: to.fresh,
    got: (name, data) => (name === 'line' ? to.line(data as FollowedLine) : to.lost((data as { lines?: number }).lines ?? 0)),
    lost: (why) => { if (why != null) to.failed(why); },
  });
}

/** The state of the box, whole at first and at each change. */
export function followBox(to: {
  opened: () => void; status: (now: Status) => void; requests: (now: RequestList) => void; lost: (why: unknown) => void; slept: () => void;
}): () => void {
  return stream('/corral/v1/events', {
    names: ['status', 'requests'],
    opened: to.opened,
    got: (name, data) => (name === 'status' ? to.status(data as Status) : to.requests(data as RequestList)),
    lost: to.lost,
    slept: to.slept,
  });
}
