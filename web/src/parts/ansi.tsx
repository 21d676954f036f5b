// A line of a service as its terminal would show it: colours become classes, every other control character is taken out.
import Anser from 'anser';
import { useMemo } from 'preact/hooks';

// Operating system commands, device control strings and the like, up to their end; then sequences other than colours.
const strings = /\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?/g;
const sequences = /\x1b\[[0-?]*[ -/]*[@-ln-~]|\x1b[^[\]PX^_]/g;
// What turns text round or hides in it is shown by its number, for it could make a line look like another.
const hidden = /[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

function numbered(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** Text of strangers without characters that control what is around it. */
export function visible(text: string): string {
  return text.replace(hidden, numbered).replace(/\x1b/g, numbered);
}

/** Never a class that the page did not make. */
function classOf(name: string | null): string {
  return name != null && /^ansi-[a-z-]+$/.test(name) ? name : '';
}

export function spansOf(text: string): { text: string; class: string }[] {
  const plain = text.replace(strings, '').replace(sequences, '').replace(hidden, numbered);
  if (!plain.includes('\x1b')) return [{ text: plain, class: '' }];
  return Anser.ansiToJson(plain, { use_classes: true, json: true, remove_empty: true }).map((part) => ({
    text: part.content.replace(/\x1b\[?/g, ''),
    class: [classOf(part.fg), classOf(part.bg).replace('ansi-', 'ansi-bg-'), ...part.decorations.map((name) => `ansi-${name}`)]
      .filter((name) => name !== '').join(' '),
  }));
}

export function AnsiText(props: { text: string }) {
  const spans = useMemo(() => spansOf(props.text), [props.text]);
  return <>{spans.map((span) => (span.class === '' ? span.text : <span class={span.class}>{span.text}</span>))}</>;
}
