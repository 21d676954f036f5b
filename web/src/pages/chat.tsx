import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { capabilities, type Capabilities } from '../api/calls';
import { asked, change, chat, draft, forget, keepDraft, send, stop, writing, type Figures, type ToolCall, type Turn } from '../chat_store';
import type { Model, Status } from '../api/types';
import { count, dash, duration, percent, rounded } from '../format';
import { headlinesOf } from '../headline';
import { models, requests, session, status } from '../live';
import { visible } from '../parts/ansi';
import { Confirm, Empty, Figure, Notice } from '../parts/basics';
import { Markdown } from '../parts/markdown';
import { useNow, useStore } from '../store';
import { t } from '../texts';

const mostImageBytes = 8_000_000;
const mostImages = 8;

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

function modelOf(now: Status | null, name: string): Model | undefined {
  return now?.models.find((model) => [model.name, ...model.aliases, ...(model.also ?? [])].includes(name));
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
    return { plain: t.chat.waits, exact: t.chat.waitsAt(waiting.position ?? 1, waiting.estimate_seconds == null ? '' : duration(waiting.estimate_seconds)) };
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
  if (!served || !['broken', 'stopped', 'stopping'].includes(served.state)) return null;
  const [said] = headlinesOf(served);
  return (
    <div class="notice warning">
      <p>{visible(said?.sentence ?? t.chat.stoppedModel(served.name))}</p>
      {said?.advice && <p class="advice">{visible(said.advice)}</p>}
      {may && <a href="#/models">{t.welcome.look}</a>}
    </div>
  );
}

/** Who sees the state of the model is not sent to somebody else for it. */
function ProblemOf(props: { of: string }) {
  const seen = useStore(status) != null;
  return <p class="notice error" role="alert">{visible(seen ? props.of.replace(t.chat.askOperator, '') : props.of)}</p>;
}

function TurnView(props: { of: Turn; live: boolean }) {
  const { of, live } = props;
  if (of.role === 'user') {
    return (
      <article class="turn user">
        <h2 class="who">{t.chat.you}</h2>
        {of.images?.map((image) => <img class="shown" src={`data:image/*;base64,${image}`} alt={t.chat.image} />)}
        <div class="markdown plain">{of.content}</div>
      </article>
    );
  }
  return (
    <article class="turn assistant" aria-busy={live}>
      <h2 class="who">{t.chat.model}</h2>
      {of.thinking && (
        <details class="thinking">
          <summary>{t.chat.thinking}</summary>
          <div class="markdown plain">{of.thinking}</div>
        </details>
      )}
      <Markdown text={of.content} grows={live} />
      {of.calls?.map((call) => <Call of={call} />)}
      {live && of.content === '' && !of.thinking && !of.calls ? <Wait /> : live && <span class="caret" aria-hidden="true" />}
      {of.ended === 'stopped' && <p class="quiet">{t.chat.stopped}</p>}
      {of.problem && <ProblemOf of={of.problem} />}
      {of.figures && <FiguresOf of={of.figures} />}
    </article>
  );
}

/** The text of an image file in base64. */
function inBase64(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).replace(/^[^,]*,/, ''));
    reader.onerror = () => reject(reader.error ?? new Error(t.chat.image));
    reader.readAsDataURL(file);
  });
}

function Options(props: { can: Capabilities; toolsWrong: boolean }) {
  const now = useStore(chat);
  return (
    <details class="options">
      <summary>{t.chat.options}</summary>
      <label>{t.chat.system}
        <textarea rows={2} value={now.system} onInput={(event) => change({ system: event.currentTarget.value })} />
      </label>
      {props.can.tools && (
        <label>{t.chat.tools}
          <textarea rows={3} value={now.tools} spellcheck={false} aria-invalid={props.toolsWrong} onInput={(event) => change({ tools: event.currentTarget.value })} />
        </label>
      )}
      {props.toolsWrong && <p class="notice error" role="alert">{t.chat.toolsWrong}</p>}
    </details>
  );
}

function isList(text: string): boolean {
  try {
    return text.trim() === '' || Array.isArray(JSON.parse(text));
  } catch {
    return false;
  }
}

function Images(props: { of: string[]; set: (images: string[]) => void }) {
  return (
    <ul class="images">
      {props.of.map((image, index) => (
        <li key={index}>
          <img src={`data:image/*;base64,${image}`} alt={t.chat.image} />
          <button type="button" aria-label={t.chat.removeImage} onClick={() => props.set(props.of.filter((_, other) => other !== index))}>×</button>
        </li>
      ))}
    </ul>
  );
}

function Composer(props: { can: Capabilities; ready: boolean }) {
  const now = useStore(chat);
  const busy = useStore(writing);
  const [text, write] = useState(draft());
  const setText = (typed: string) => {
    write(typed);
    keepDraft(typed);
  };
  const [images, setImages] = useState<string[]>([]);
  const [problem, setProblem] = useState('');
  const toolsWrong = !isList(now.tools);
  const may = props.ready && !busy && !toolsWrong && (text.trim() !== '' || images.length > 0);
  const submit = () => {
    if (!may) return;
    void send(text, images, props.can.thinking);
    setText('');
    setImages([]);
  };
  const attach = async (files: FileList | null) => {
    setProblem('');
    const chosen = [...(files ?? [])].slice(0, mostImages);
    if (chosen.some((file) => file.size > mostImageBytes)) return setProblem(t.chat.imageTooLarge);
    try {
      setImages((await Promise.all(chosen.map(inBase64))));
    } catch (error) {
      setProblem(String(error));
    }
  };
  return (
    <form class="composer" onSubmit={(event) => { event.preventDefault(); submit(); }}>
      <Options can={props.can} toolsWrong={toolsWrong} />
      {images.length > 0 && <Images of={images} set={setImages} />}
      {problem && <p class="notice error" role="alert">{problem}</p>}
      <label class="sr-only" for="message">{t.chat.message}</label>
      <textarea id="message" rows={3} value={text} placeholder={t.chat.placeholder} onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
          event.preventDefault();
          submit();
        }} />
      <div class="buttons">
        {props.can.thinking && (
          <label class="check"><input type="checkbox" checked={now.think} onChange={(event) => change({ think: event.currentTarget.checked })} />{t.chat.think}</label>
        )}
        {props.can.vision && (
          <label class="button-like">{t.chat.attach}
            <input type="file" class="sr-only" accept="image/*" multiple onChange={(event) => void attach(event.currentTarget.files)} />
          </label>
        )}
        <span class="grow" />
        {busy ? <button type="button" class="danger" onClick={stop}>{t.chat.stop}</button>
          : <button type="submit" class="primary" disabled={!may}>{t.chat.send}</button>}
      </div>
    </form>
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
  return last.ended === 'stopped' ? t.chat.stopped : t.chat.finished;
}

const cannot: Capabilities = { completion: false, thinking: false, tools: false, vision: false };

export function ChatPage() {
  const now = useStore(chat);
  const busy = useStore(writing);
  const names = useStore(models);
  const [can, setCan] = useState<Capabilities>(cannot);
  const [asking, setAsking] = useState(false);
  const end = useRef<HTMLDivElement>(null);
  const box = useStore(status);
  const observes = useStore(session).scopes.includes('observe');
  // Who may see the states of models is asked to wait for them.
  const model = names.includes(now.model) ? now.model : observes && box == null ? '' : firstChoice(names, box);
  useEffect(() => {
    if (model !== '' && model !== now.model) change({ model });
    if (model === '') return;
    const abort = new AbortController();
    capabilities(model, abort.signal).then(setCan, () => setCan({ ...cannot, completion: true }));
    return () => abort.abort();
  }, [model]);
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
  return (
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
        <button type="button" disabled={now.turns.length === 0} onClick={() => setAsking(true)}>{t.chat.clear}</button>
      </div>
      {names.length === 0 && <Notice level="note">{t.chat.noModel}</Notice>}
      <section class="turns" aria-label={t.chat.conversation}>
        {now.turns.length === 0 && <Empty>{t.chat.empty}</Empty>}
        {now.turns.map((turn, index) => <TurnView key={index} of={turn} live={busy && index === now.turns.length - 1} />)}
      </section>
      <p class="sr-only" role="status">{busy ? <Progress /> : endOf(now.turns.at(-1))}</p>
      <Trouble model={model} />
      <Composer can={can} ready={model !== ''} />
      <div ref={end} />
      {asking && <Confirm title={t.chat.clearTitle} text={t.chat.clearText} yes={t.chat.forget} onYes={forget} onClose={() => setAsking(false)} />}
    </div>
  );
}
