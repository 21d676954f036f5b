// Where a question is written: its text, images, options, and how much room the model has left for it.
import { useRef, useState } from 'preact/hooks';
import type { Capabilities } from '../api/calls';
import { change, chat, draft, keepDraft, send, stop, writing } from '../chat_store';
import type { Model, Status } from '../api/types';
import { count } from '../format';
import { status } from '../live';
import { Bar } from '../parts/basics';
import { Store, useStore } from '../store';
import { t } from '../texts';

const mostImageBytes = 8_000_000;
const mostImages = 8;
/** Chosen and not sent yet, also while another page is looked at. */
const attached = new Store<string[]>([]);

export function modelOf(now: Status | null, name: string): Model | undefined {
  return now?.models.find((model) => [model.name, ...model.aliases, ...(model.also ?? [])].includes(name));
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
      {(props.can.tools || now.tools !== '') && (
        <label>{t.chat.tools}
          <textarea rows={3} value={now.tools} spellcheck={false} aria-invalid={props.toolsWrong} onInput={(event) => change({ tools: event.currentTarget.value })} />
        </label>
      )}
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

function Images(props: { of: string[] }) {
  return (
    <ul class="images">
      {props.of.map((image, index) => (
        <li key={index}>
          <img src={`data:image/*;base64,${image}`} alt={t.chat.image} />
          <button type="button" aria-label={t.chat.removeImage} onClick={() => attached.set(props.of.filter((_, other) => other !== index))}>×</button>
        </li>
      ))}
    </ul>
  );
}

const lettersOfToken = 3.3; // where the box has not learned it
const nearlyFull = 0.85;

/** How much of what the model sees is taken, before something falls out of it. */
function Window(props: { window: number | null; typed: number }) {
  const { turns, model, system } = useStore(chat);
  const learned = modelOf(useStore(status), model)?.learned;
  const whole = Math.min(props.window ?? Infinity, learned?.prompt_limit ?? Infinity);
  const last = turns.findLast((turn) => turn.figures?.promptTokens != null)?.figures;
  if (!Number.isFinite(whole) || (last == null && props.typed + system.length === 0)) return null;
  const known = last == null ? 0 : (last.promptTokens ?? 0) + (last.answerTokens ?? 0);
  const guessed = (props.typed + (last == null ? system.length : 0)) * (learned?.tokens_per_letter ?? 1 / lettersOfToken);
  const used = Math.round(known + guessed);
  const left = Math.max(0, whole - used);
  return (
    <div class="window" title={t.chat.windowMeaning}>
      <Bar label={t.chat.window} value={(100 * used) / whole} level={used > nearlyFull * whole ? 'warning' : undefined} text={t.chat.left(count(left), count(whole))} />
      {used > nearlyFull * whole && <p class="quiet">{left === 0 ? t.chat.over : t.chat.nearly}</p>}
    </div>
  );
}

export function Composer(props: { can: Capabilities; ready: boolean }) {
  const now = useStore(chat);
  const busy = useStore(writing);
  const area = useRef<HTMLTextAreaElement>(null);
  const [text, write] = useState(draft());
  const setText = (typed: string) => {
    write(typed);
    keepDraft(typed);
  };
  const images = useStore(attached);
  const [problem, setProblem] = useState('');
  const toolsWrong = !isList(now.tools);
  const may = props.ready && !busy && !toolsWrong && (text.trim() !== '' || images.length > 0);
  const submit = () => {
    if (!may) return;
    void send(text, images, props.can.thinking);
    setText('');
    attached.set([]);
    // The button is another one now. A keyboard on the screen stays as it is.
    if (matchMedia('(hover: hover)').matches) area.current?.focus();
  };
  const attach = async (input: HTMLInputElement) => {
    setProblem('');
    const chosen = [...(input.files ?? [])];
    input.value = ''; // the same may be chosen once more
    if (images.length + chosen.length > mostImages) return setProblem(t.chat.tooManyImages(mostImages));
    if (chosen.some((file) => file.size > mostImageBytes)) return setProblem(t.chat.imageTooLarge);
    try {
      const read = await Promise.all(chosen.map(inBase64));
      attached.update((old) => [...old, ...read]);
    } catch (error) {
      setProblem(String(error));
    }
  };
  return (
    <form class="composer" onSubmit={(event) => { event.preventDefault(); submit(); }}>
      {images.length > 0 && <Images of={images} />}
      {problem && <p class="notice error" role="alert">{problem}</p>}
      {toolsWrong && <p class="notice error" role="alert">{t.chat.toolsWrong}</p>}
      <label class="sr-only" for="message">{t.chat.message}</label>
      <textarea id="message" ref={area} rows={2} value={text} placeholder={t.chat.placeholder} title={t.chat.keysMeaning} onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
          event.preventDefault();
          submit();
        }} />
      <Window window={props.can.window} typed={text.length} />
      <div class="buttons">
        <Options can={props.can} toolsWrong={toolsWrong} />
        {props.can.thinking && (
          <label class="check"><input type="checkbox" checked={now.think} onChange={(event) => change({ think: event.currentTarget.checked })} />{t.chat.think}</label>
        )}
        {props.can.vision && (
          <label class="button-like">{t.chat.attach}
            <input type="file" class="sr-only" accept="image/*" multiple onChange={(event) => void attach(event.currentTarget)} />
          </label>
        )}
        <span class="grow" />
        {busy ? <button type="button" class="danger" onClick={stop}>{t.chat.stop}</button>
          : <button type="submit" class="primary" disabled={!may}>{t.chat.send}</button>}
      </div>
    </form>
  );
}
