import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { followLogs, type FollowedLine } from '../api/events';
import type { Status } from '../api/types';
import { instancesOf } from '../headline';
import { session, status } from '../live';
import { AnsiText, visible } from '../parts/ansi';
import { Empty, Panel, Problem, Time } from '../parts/basics';
import { useStore } from '../store';
import { t } from '../texts';

const mostLines = 2000;
const redrawn = 100; // milliseconds; a loud service prints more often than a page can be drawn

interface Line extends FollowedLine {
  number: number;
}

function servicesOf(now: Status | null): string[] {
  return ['corral', ...(now?.models ?? []).flatMap(instancesOf).flatMap((one) => (one.services ?? []).map((service) => `${one.name}/${service.name}`))];
}

function nameOf(line: FollowedLine): string {
  return line.model == null ? line.service : `${line.model}/${line.service}`;
}

/** Of Corral's own lines, which begin with it. */
function levelOf(line: FollowedLine): string {
  return line.model == null ? /^(DEBUG|WARN|ERROR)\b/.exec(line.text)?.[1]?.toLowerCase() ?? '' : '';
}

/** The lines of a service as they come, at most `mostLines`. */
function useLines(service: string) {
  const [lines, setLines] = useState<Line[]>([]);
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    let number = 0;
    let waiting: Line[] = [];
    let due: ReturnType<typeof setTimeout> | undefined;
    const flush = () => {
      due = undefined;
      const fresh = waiting;
      waiting = [];
      setLines((old) => [...old, ...fresh].slice(-mostLines));
    };
    const add = (line: FollowedLine) => {
      waiting.push({ ...line, number: number++ });
      if (waiting.length > mostLines) waiting = waiting.slice(-mostLines);
      due ??= setTimeout(flush, redrawn);
    };
    setLines([]);
    setError(null);
    const end = followLogs(service, {
      line: add,
      fresh: () => { waiting = []; setLines([]); setError(null); },
      lost: (count) => add({ model: null, service: 'corral', time: new Date().toISOString(), text: t.logs.lost(count), own: true }),
      failed: setError,
    });
    return () => {
      end();
      clearTimeout(due);
    };
  }, [service]);
  return { lines, error, clear: () => setLines([]) };
}

export function Logs() {
  const now = useStore(status);
  const whole = useStore(session).scopes.includes('operate');
  const [service, setService] = useState(whole ? '' : 'corral');
  const [words, setWords] = useState('');
  const [follow, setFollow] = useState(true);
  const { lines, error, clear } = useLines(service);
  const box = useRef<HTMLDivElement>(null);
  const shown = useMemo(() => {
    const wanted = words.toLowerCase().split(/\s+/).filter((word) => word !== '');
    return wanted.length === 0 ? lines : lines.filter((line) => wanted.every((word) => `${nameOf(line)} ${line.text}`.toLowerCase().includes(word)));
  }, [lines, words]);
  useLayoutEffect(() => {
    const scroll = () => { if (box.current) box.current.scrollTop = box.current.scrollHeight; };
    if (!follow) return;
    scroll();
    // Lines get their true heights when they come into sight.
    const later = requestAnimationFrame(scroll);
    return () => cancelAnimationFrame(later);
  }, [shown, follow]);
  return (
    <Panel title={t.logs.title} class="logs" actions={<span class="quiet">{t.logs.count(shown.length, lines.length)}</span>}>
      <div class="bar-of-page">
        <label>{t.logs.service}{' '}
          <select value={service} onChange={(event) => setService(event.currentTarget.value)}>
            {whole && <option value="">{t.logs.all}</option>}
            {(whole ? servicesOf(now) : ['corral']).map((name) => <option key={name} value={name}>{visible(name)}</option>)}
          </select>
        </label>
        <label>{t.logs.filter}{' '}<input type="search" value={words} placeholder={t.logs.filterHint} onInput={(event) => setWords(event.currentTarget.value)} /></label>
        <label class="check"><input type="checkbox" checked={follow} onChange={(event) => setFollow(event.currentTarget.checked)} />{t.logs.follow}</label>
        <span class="grow" />
        <button type="button" onClick={clear}>{t.logs.clear}</button>
      </div>
      {!whole && <p class="quiet">{t.logs.ownOnly}</p>}
      <Problem of={error} />
      <div class="log lines" ref={box} role="log" aria-label={t.logs.lines} aria-live="off" tabIndex={0}
        onWheel={(event) => { if (event.deltaY < 0) setFollow(false); }}>
        {shown.length === 0 && <Empty>{t.logs.empty}</Empty>}
        {shown.map((line) => (
          <div key={line.number} class={`line ${line.own ? 'own' : levelOf(line)}`}>
            <span class="when"><Time at={line.time} precise /></span><span class="from">{visible(nameOf(line))}</span>
            <span class="text"><AnsiText text={line.text} /></span>
          </div>
        ))}
      </div>
    </Panel>
  );
}
