import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { capabilities, type Capabilities } from '../api/calls';
import {
  answerAgain, asked, askInstead, asText, change, chat, forget, found, openConversation, rename, startAnew, writing,
} from '../chat_store';
import { summaries, unkept, type Figures, type ToolCall, type Turn } from '../conversations';
import type { Status } from '../api/types';
import { asSentence, count, dash, dayOrTime, duration, percent, rounded } from '../format';
import { headlinesOf } from '../headline';
import { models, requests, session, status } from '../live';
import { visible } from '../parts/ansi';
import { Confirm, copyText, Dialog, Empty, Figure } from '../parts/basics';
import { Markdown } from '../parts/markdown';
import { useNow, useStore } from '../store';
import { t } from '../texts';
import { Composer, modelOf } from './composer';

function FiguresOf(props: { of: Figures }) {
  const { of } = props;
  const writingTime = of.seconds - (of.firstSeconds ?? 0);
  const speed = of.answerTokens != null && of.answerTokens > 1 && writingTime > 0 ? of.answerTokens / writingTime : null;
  return (
    <dl class="figures small">
      <Figure label={t.chat.tokens} value={of.answerTokens == null ? dash : `${count(of.answerTokens)} ${t.units.tokens}`} meaning={t.chat.tokensMeaning} />
      <Figure label={t.chat.seconds} value={duration(of.seconds)} meaning={t.chat.secondsMeaning} />
      <Figure label={t.chat.first} value={duration(of.firstSeconds)} meaning={t.chat.firstMeaning} />
      <Figure label={t.chat.speed} value={speed == null ? dash : `${rounded(speed)} ${t.units.tokensPerSecond}`} meaning={t.chat.speedMeaning} />
      <Figure label={t.chat.prompt} value={of.promptTokens == null ? dash : `${count(of.promptTokens)} ${t.units.tokens}`} meaning={t.chat.promptMeaning} />
    </dl>
  );
}

function Call(props: { of: ToolCall }) {
  const { name = '', arguments: given } = props.of.function ?? {};
  return (
    <div class="call">
      <span class="quiet">{t.chat.call}</span> <code>{visible(name)}({visible(typeof given === 'string' ? given : JSON.stringify(given ?? {}, null, 1))})</code>
    </div>
  );
}

const hope = ['ready', 'loading', 'unloaded'];

/** Of the first visit: the model that answers soonest. */
function firstChoice(names: string[], now: Status | null): string {
  const rank = (name: string) => {
    const at = hope.indexOf(modelOf(now, name)?.state ?? '');
    return at < 0 ? hope.length : at;
  };
  return [...names].sort((a, b) => rank(a) - rank(b))[0] ?? '';
}

/** What the request under way waits for; with figures for those who see. */
function useWait(): { plain: string; exact: string } {
  const now = useStore(status);
  const list = useStore(requests);
  const own = useStore(asked);
  const { model } = useStore(chat);
  const is = (one: { id: string }) => own != null && one.id.endsWith(`.${own.mark}`);
  const served = modelOf(now, model);
  if (served?.state === 'loading') {
    const figures = [served.progress_percent == null ? '' : percent(served.progress_percent),
      served.left_seconds == null ? '' : t.overview.left(duration(served.left_seconds))].filter((part) => part !== '').join(', ');
    return { plain: t.chat.loads, exact: figures === '' ? t.chat.loads : t.chat.loadsAt(figures) };
  }
  const waiting = list.waiting.find(is);
  if (waiting) {
    return { plain: t.chat.waits, exact: t.chat.waitsAt(waiting.position ?? 0, waiting.estimate_seconds == null ? '' : duration(waiting.estimate_seconds)) };
  }
  return list.running.some(is) ? { plain: t.chat.reads, exact: t.chat.reads } : { plain: t.chat.sent, exact: t.chat.sent };
}

function Wait() {
  const { exact } = useWait();
  const now = useNow();
  const since = useStore(asked)?.at ?? now;
  return <p class="quiet wait">{exact} <span class="number">{t.chat.soFar(duration(Math.max(0, Math.round((now - since) / 1000))))}</span></p>;
}

/** Why the chosen model gives no answer, for those who may know. */
function Trouble(props: { model: string }) {
  const served = modelOf(useStore(status), props.model);
  const may = useStore(session).scopes.includes('operate');
  if (!served || !['broken', 'stopped'].includes(served.state)) return null;
  const [said] = headlinesOf(served);
  return (
    <div class="notice warning">
      <p>{visible(said?.sentence ?? t.chat.stoppedModel(served.name))}</p>
      {said?.advice && <p class="advice">{visible(asSentence(said.advice))}</p>}
      {may && <a href="#/models">{t.welcome.look}</a>}
    </div>
  );
}

/** Who sees the state of the model is not sent to somebody else for it. */
function ProblemOf(props: { of: string }) {
  const seen = useStore(status) != null;
  return <p class="notice error" role="alert">{visible(seen ? props.of.replace(t.chat.askOperator, '') : props.of)}</p>;
}

/** The words of a question, to be put otherwise. */
function Edit(props: { of: Turn; done: (text: string | null) => void }) {
  const [text, setText] = useState(props.of.content);
  const area = useRef<HTMLTextAreaElement>(null);
  useEffect(() => area.current?.focus(), []);
  return (
    <form class="fields" onSubmit={(event) => { event.preventDefault(); if (text.trim() !== '') props.done(text); }}>
      <textarea ref={area} rows={Math.min(12, text.split('\n').length + 1)} aria-label={t.chat.message} value={text} onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => { if (event.key === 'Escape') props.done(null); }} />
      <p class="quiet">{t.chat.editMeaning}</p>
      <div class="buttons">
        <button type="button" onClick={() => props.done(null)}>{t.cancel}</button>
        <button type="submit" class="primary" disabled={text.trim() === ''}>{t.chat.askAnew}</button>
      </div>
    </form>
  );
}

interface TurnWishes {
  edit: (text: string) => void;
  again: (() => void) | null; // of the last answer
}

function UserTurn(props: { of: Turn; busy: boolean; wishes: TurnWishes }) {
  const { of } = props;
  const [edits, setEdits] = useState(false);
  return (
    <article class="turn user">
      <h2 class="who">{t.chat.you}</h2>
      {of.images?.map((image) => <img class="shown" src={`data:image/*;base64,${image}`} alt={t.chat.image} />)}
      {edits ? <Edit of={of} done={(text) => { setEdits(false); if (text != null) props.wishes.edit(text); }} /> : <div class="markdown plain">{of.content}</div>}
      {!edits && !props.busy && <div class="buttons turn-actions"><button type="button" class="link" onClick={() => setEdits(true)}>{t.chat.edit}</button></div>}
    </article>
  );
}

function Copy(props: { text: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    setCopied(await copyText(props.text));
    setTimeout(() => setCopied(false), 2000);
  };
  return <button type="button" class="link" onClick={() => void copy()}>{copied ? t.copied : t.copy}</button>;
}

function TurnView(props: { of: Turn; live: boolean; busy: boolean; wishes: TurnWishes }) {
  const { of, live } = props;
  if (of.role === 'user') return <UserTurn of={of} busy={props.busy} wishes={props.wishes} />;
  return (
    <article class="turn assistant" aria-busy={live}>
      <h2 class="who">{visible(of.model ?? t.chat.model)}</h2>
      {of.dropped != null && <p class="notice warning">{t.chat.dropped(of.dropped)}</p>}
      {of.thinking && (
        <details class="thinking">
          <summary>{t.chat.thinking}</summary>
          <div class="markdown plain">{of.thinking}</div>
        </details>
      )}
      <Markdown text={of.content} grows={live} />
      {of.calls?.map((call) => <Call of={call} />)}
      {live && of.content === '' && !of.thinking && !of.calls ? <Wait /> : live && of.content === '' && <span class="caret" aria-hidden="true" />}
      {of.ended === 'stopped' && <p class="quiet">{t.chat.stopped}</p>}
      {of.figures && !of.ended && of.content === '' && !of.calls && <p class="quiet">{t.chat.noText}</p>}
      {/* Its page was left or reloaded, or another tab writes it now. */}
      {!live && !of.figures && <p class="quiet">{t.chat.unfinished}</p>}
      {of.problem && <ProblemOf of={of.problem} />}
      {of.figures && <FiguresOf of={of.figures} />}
      {!live && (
        <div class="buttons turn-actions">
          {of.content !== '' && <Copy text={of.content} />}
          {props.wishes.again && !props.busy && <button type="button" class="link" onClick={props.wishes.again}>{t.chat.again}</button>}
        </div>
      )}
    </article>
  );
}

/** For a screen reader. */
function Progress() {
  const { plain } = useWait();
  const last = useStore(chat).turns.at(-1);
  return <>{last?.content || last?.thinking ? t.chat.writing : plain}</>;
}

function endOf(last: Turn | undefined): string {
  if (!last) return '';
  if (last.problem) return t.chat.failed;
  if (!last.figures) return t.chat.unfinished;
  return last.ended === 'stopped' ? t.chat.stopped : t.chat.finished;
}

const cannot: Capabilities = { completion: false, thinking: false, tools: false, vision: false, window: null };

function download(name: string, text: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type: 'text/markdown' }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function Rename(props: { onClose: () => void }) {
  const [title, setTitle] = useState(chat.get().title);
  return (
    <Dialog title={t.chat.rename} onClose={props.onClose}>
      <form class="fields" onSubmit={(event) => { event.preventDefault(); rename(title); props.onClose(); }}>
        <label>{t.chat.name}<input value={title} maxLength={200} onInput={(event) => setTitle(event.currentTarget.value)} /></label>
        <div class="buttons">
          <button type="button" onClick={props.onClose}>{t.cancel}</button>
          <button type="submit" class="primary">{t.chat.rename}</button>
        </div>
      </form>
    </Dialog>
  );
}

const wide = matchMedia('(min-width: 60rem)');

function Conversations() {
  const all = useStore(summaries);
  const busy = useStore(writing);
  const forgetful = useStore(unkept);
  const { id } = useStore(chat);
  const [words, setWords] = useState('');
  const [open, setOpen] = useState(wide.matches);
  const wanted = words.toLowerCase().split(/\s+/).filter((word) => word !== '');
  const shown = all.filter((one) => wanted.every((word) => one.text.includes(word)));
  const choose = (of: string) => {
    void openConversation(of);
    if (!wide.matches) setOpen(false);
  };
  return (
    <details class="conversations" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{t.chat.conversations}{all.length > 0 && ` (${all.length})`}</summary>
      <button type="button" disabled={busy} onClick={() => void startAnew()}>{t.chat.fresh}</button>
      {all.length > 0 && <input type="search" aria-label={t.chat.search} placeholder={t.chat.search} value={words} onInput={(event) => setWords(event.currentTarget.value)} />}
      {forgetful && <p class="notice warning">{t.chat.unkept}</p>}
      {shown.length === 0 && <Empty>{wanted.length > 0 ? t.chat.noneFound : t.chat.none}</Empty>}
      <ul>
        {shown.map((one) => (
          <li key={one.id}>
            <button type="button" disabled={busy} aria-current={one.id === id ? 'true' : undefined} onClick={() => choose(one.id)}>
              <span class="title">{visible(one.title || t.chat.untitled)}</span><span class="quiet">{dayOrTime(new Date(one.changed))}</span>
            </button>
          </li>
        ))}
      </ul>
    </details>
  );
}

function NoModel() {
  const may = useStore(session).scopes.includes('operate');
  return (
    <section class="welcome">
      <h2>{t.chat.noModel}</h2>
      {may && <a class="button-like primary" href="#/models">{t.welcome.add}</a>}
    </section>
  );
}

export function ChatPage() {
  const now = useStore(chat);
  const busy = useStore(writing);
  const told = useStore(models);
  const names = told ?? [];
  const [can, setCan] = useState<Capabilities>(cannot);
  const [asking, setAsking] = useState<'rename' | 'forget' | null>(null);
  const looked = useStore(found);
  const end = useRef<HTMLDivElement>(null);
  const box = useStore(status);
  const observes = useStore(session).scopes.includes('observe');
  // Who may see the states of models is asked to wait for them.
  const model = !looked ? '' : names.includes(now.model) ? now.model : observes && box == null ? '' : firstChoice(names, box);
  useEffect(() => {
    if (model !== '' && model !== now.model) change({ model });
    if (model === '') return;
    const abort = new AbortController();
    capabilities(model, abort.signal).then(setCan, () => setCan({ ...cannot, completion: true }));
    return () => abort.abort();
  }, [model, busy && can.window == null]);
  // The end stays in sight, unless the reader has scrolled up.
  const near = useRef(true);
  useEffect(() => {
    const look = () => void (near.current = window.innerHeight + window.scrollY > document.body.scrollHeight - 200);
    addEventListener('scroll', look, { passive: true });
    return () => removeEventListener('scroll', look);
  }, []);
  useLayoutEffect(() => {
    if (near.current) end.current?.scrollIntoView({ block: 'end' });
  }, [now.turns]);
  // What is being typed stays while the models are asked for.
  const none = told?.length === 0 || (observes && box?.models.length === 0);
  if (none && now.turns.length === 0) return <NoModel />;
  return (
    <div class="chat-page">
      <Conversations />
      <div class="chat">
        <div class="bar-of-page">
          <label>{t.chat.model}{' '}
            <select value={model} disabled={busy} onChange={(event) => change({ model: event.currentTarget.value })}>
              {names.map((name) => {
                const state = modelOf(box, name)?.state;
                return <option value={name}>{visible(name)}{state == null || state === 'ready' ? '' : ` (${t.states[state]})`}</option>;
              })}
            </select>
          </label>
          <span class="grow" />
          {now.turns.length > 0 && (
            <>
              <button type="button" onClick={() => setAsking('rename')}>{t.chat.rename}</button>
              <button type="button" onClick={() => download(`${now.title.replace(/[^\p{L}\p{N}]+/gu, '-').slice(0, 60) || 'conversation'}.md`, asText(now))}>{t.chat.export}</button>
              <button type="button" class="danger" disabled={busy} onClick={() => setAsking('forget')}>{t.chat.remove}</button>
            </>
          )}
        </div>
        <section class={now.turns.length === 0 ? 'turns fresh' : 'turns'} aria-label={t.chat.conversation}>
          {now.turns.length === 0 && <div class="welcome"><h2>{t.chat.greeting}</h2><p class="quiet">{t.chat.private}</p></div>}
          {now.turns.map((turn, index) => (
            <TurnView key={index} of={turn} live={busy && index === now.turns.length - 1} busy={busy}
              wishes={{ edit: (text) => void askInstead(index, text, can.thinking),
                again: index === now.turns.length - 1 ? () => void answerAgain(can.thinking) : null }} />
          ))}
        </section>
        <p class="sr-only" role="status">{busy ? <Progress /> : endOf(now.turns.at(-1))}</p>
        <Trouble model={model} />
        <Composer can={can} ready={model !== ''} />
        <div ref={end} />
      </div>
      {asking === 'rename' && <Rename onClose={() => setAsking(null)} />}
      {asking === 'forget' && <Confirm title={t.chat.removeTitle} text={t.chat.removeText} yes={t.chat.remove} onYes={() => void forget()} onClose={() => setAsking(null)} />}
    </div>
  );
}
