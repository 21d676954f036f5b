// Values that outlive a page of the dashboard, and the hook by which a component is drawn again when one changes.
import { useEffect, useState } from 'preact/hooks';

export class Store<T> {
  private readonly listeners = new Set<() => void>();

  constructor(private value: T) {}

  get(): T {
    return this.value;
  }

  set(value: T): void {
    if (Object.is(value, this.value)) return;
    this.value = value;
    for (const tell of [...this.listeners]) tell();
  }

  update(change: (value: T) => T): void {
    this.set(change(this.value));
  }

  /** Returns what ends the subscription. */
  subscribe(tell: () => void): () => void {
    this.listeners.add(tell);
    return () => void this.listeners.delete(tell);
  }
}

export function useStore<T>(store: Store<T>): T {
  const [value, setValue] = useState(store.get());
  useEffect(() => {
    // It may have changed between the drawing and this effect.
    setValue(() => store.get());
    return store.subscribe(() => setValue(() => store.get()));
  }, [store]);
  return value;
}

const now = new Store(Date.now());
let watchers = 0;
let clock: ReturnType<typeof setInterval> | undefined;

/** The time in milliseconds, a new one each second while a component shows it. */
export function useNow(): number {
  useEffect(() => {
    if (watchers++ === 0) {
      now.set(Date.now());
      clock = setInterval(() => now.set(Date.now()), 1000);
    }
    return () => {
      if (--watchers === 0) clearInterval(clock);
    };
  }, []);
  return useStore(now);
}
