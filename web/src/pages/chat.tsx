import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { capabilities, type Capabilities } from '../api/calls';
import { change, chat, forget, send, stop, writing, type Figures, type ToolCall, type Turn } from '../chat_store';
import { count, dash, duration, rounded } from '../format';
import { models } from '../live';
import { visible } from '../parts/ansi';
import { Confirm, Empty, Figure, Notice } from '../parts/basics';
import { Markdown } from '../parts/markdown';
import { useStore } from '../store';
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
      {live && <span class="caret" aria-hidden="true" />}
      {of.ended === 'stopped' && <p class="quiet">{t.chat.stopped}</p>}
      {of.problem && <p class="notice error" role="alert">{visible(of.problem)}</p>}
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
  const [text, setText] = useState('');
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

const cannot: Capabilities = { completion: false, thinking: false, tools: false, vision: false };

export function ChatPage() {
  const now = useStore(chat);
  const busy = useStore(writing);
  const names = useStore(models);
  const [can, setCan] = useState<Capabilities>(cannot);
  const [asking, setAsking] = useState(false);
  const end = useRef<HTMLDivElement>(null);
  const model = names.includes(now.model) ? now.model : names[0] ?? '';
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
            {names.map((name) => <option value={name}>{visible(name)}</option>)}
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
      <p class="sr-only" role="status">{busy ? t.chat.writing : now.turns.length > 0 ? t.chat.finished : ''}</p>
      <Composer can={can} ready={model !== ''} />
      <div ref={end} />
      {asking && <Confirm title={t.chat.clearTitle} text={t.chat.clearText} yes={t.chat.forget} onYes={forget} onClose={() => setAsking(false)} />}
    </div>
  );
}
