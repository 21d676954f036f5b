// Small parts that all pages share.
import { Component, type ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { ApiError } from '../api/client';
import { asSentence, localTime, percent, utcTime } from '../format';
import { t } from '../texts';

export type Level = 'good' | 'note' | 'warning' | 'error' | 'idle';

/** A time of the box in the reader's zone, with UTC on hover. */
export function Time(props: { at: string | number | null | undefined; precise?: boolean }) {
  if (props.at == null || props.at === '') return <span>–</span>;
  const at = new Date(props.at);
  if (Number.isNaN(at.getTime())) return <span>{String(props.at)}</span>;
  return <time dateTime={at.toISOString()} title={utcTime(at)}>{localTime(at, props.precise)}</time>;
}

/** A figure with its unit in the value and what it means on hover. */
export function Figure(props: { label: string; value: ComponentChildren; meaning: string }) {
  return (
    <div class="figure" title={props.meaning}>
      <dt>{props.label}</dt>
      <dd>{props.value}</dd>
    </div>
  );
}

export function Badge(props: { level: Level; children: ComponentChildren }) {
  return <span class={`badge ${props.level}`}><span class="mark" aria-hidden="true" />{props.children}</span>;
}

/** A bar from 0 to 100; `value` null means that nobody knows how far it is. */
export function Bar(props: { label: string; value: number | null; text?: string; level?: Level }) {
  const value = props.value == null ? null : Math.min(100, Math.max(0, props.value));
  return (
    <div class="bar-line">
      <div class={`bar ${props.level ?? ''} ${value == null ? 'unknown' : ''}`} role="progressbar" aria-label={props.label}
        aria-valuemin={0} aria-valuemax={100} aria-valuenow={value == null ? undefined : Math.round(value)}
        aria-valuetext={props.text ?? percent(value)}>
        <div class="fill" ref={(element) => void (element && (element.style.width = `${value ?? 100}%`))} />
      </div>
      <span class="bar-text" aria-hidden="true">{props.text ?? percent(value)}</span>
    </div>
  );
}

export function Panel(props: { title: string; actions?: ComponentChildren; children: ComponentChildren; class?: string }) {
  const id = useId();
  return (
    <section class={`panel ${props.class ?? ''}`} aria-labelledby={id}>
      <div class="panel-head"><h2 id={id}>{props.title}</h2>{props.actions}</div>
      {props.children}
    </section>
  );
}

export function Empty(props: { children: ComponentChildren }) {
  return <p class="empty">{props.children}</p>;
}

/** The box is asked, which takes a moment. */
export function Loading() {
  return <p class="empty" role="status">{t.loading}</p>;
}

/** Draws what is inside, or says why it can't: one part that fails leaves the others as they are. */
export class Guard extends Component<{ title: string; children: ComponentChildren }, { error?: Error }> {
  override state: { error?: Error } = {};

  static getDerivedStateFromError(error: unknown) {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }

  override render() {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <Panel title={this.props.title}>
        <div class="notice warning" role="alert">
          <p>{t.guard.broken(this.props.title, error.message)}</p>
          <p class="advice">{t.guard.advice}</p>
          <button type="button" onClick={() => this.setState({ error: undefined })}>{t.again}</button>
        </div>
      </Panel>
    );
  }
}

/** What went wrong, and what to do about it. */
export function Problem(props: { of: unknown; retry?: () => void }) {
  if (props.of == null) return null;
  const error = props.of;
  const what = error instanceof Error ? error.message : String(error);
  const advice = error instanceof ApiError ? error.advice : '';
  return (
    <div class="notice error" role="alert">
      <p>{asSentence(what)}</p>
      {advice && <p class="advice">{asSentence(advice)}</p>}
      {props.retry && <button type="button" onClick={props.retry}>{t.again}</button>}
    </div>
  );
}

export function Notice(props: { level: Level; children: ComponentChildren }) {
  return <div class={`notice ${props.level}`} role="status">{props.children}</div>;
}

/** A scrolled table is reached by the keyboard too. */
export function TableFrame(props: { label: string; children: ComponentChildren }) {
  return <div class="table-frame" role="group" aria-label={props.label} tabIndex={0}>{props.children}</div>;
}

/** A dialog that keeps the focus until it is closed. */
export function Dialog(props: { title: string; onClose: () => void; children: ComponentChildren }) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = element.current;
    if (dialog && !dialog.open) dialog.showModal();
  }, []);
  return (
    <dialog ref={element} aria-labelledby={id} onClose={props.onClose}>
      <h2 id={id}>{props.title}</h2>
      {props.children}
    </dialog>
  );
}

/** Asks before something that can't be undone. */
export function Confirm(props: { title: string; text: string; yes: string; onYes: () => void; onClose: () => void }) {
  return (
    <Dialog title={props.title} onClose={props.onClose}>
      <p>{props.text}</p>
      <div class="buttons">
        <button type="button" onClick={props.onClose}>{t.cancel}</button>
        <button type="button" class="danger" onClick={() => { props.onClose(); props.onYes(); }}>{props.yes}</button>
      </div>
    </Dialog>
  );
}

/** What an answer of the box is, or why there is none; asked for anew by `load`. */
export function useLoaded<T>(ask: (signal: AbortSignal) => Promise<T>, inputs: unknown[]) {
  const [state, setState] = useState<{ value?: T; error?: unknown; busy: boolean }>({ busy: true });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    setState((old) => ({ ...old, busy: true }));
    ask(abort.signal).then(
      (value) => { if (!abort.signal.aborted) setState({ value, busy: false }); },
      (error: unknown) => { if (!abort.signal.aborted) setState((old) => ({ ...old, error, busy: false })); },
    );
    return () => abort.abort();
  }, [...inputs, turn]);
  return { ...state, load: () => setTurn((old) => old + 1) };
}

/** True when it is on the clipboard, which browsers hide from pages without TLS. */
export async function copyText(text: string): Promise<boolean> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text).then(() => true, () => false);
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'sr-only';
  // What is outside of an open dialog takes no focus.
  (document.querySelector('dialog[open]') ?? document.body).append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  return done;
}
