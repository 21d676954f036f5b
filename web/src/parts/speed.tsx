// How fast a model has written, day by day: a small line, a mark where something changed, and a sentence where it became another one.
import { useEffect, useState } from 'preact/hooks';
import { speeds } from '../api/calls';
import type { SpeedDay, Speeds } from '../api/types';
import { count, rounded } from '../format';
import { t } from '../texts';
import { visible } from './ansi';
import { Panel } from './basics';

export type ModelSpeed = Speeds['models'][number];

const renewed = 600_000; // milliseconds; days don't change faster
const [width, height] = [300, 36]; // of the drawing, which is stretched to its place

/** Of all models; empty until the box has told it, and where it can't. */
export function useSpeeds(): ModelSpeed[] {
  const [all, set] = useState<ModelSpeed[]>([]);
  useEffect(() => {
    const abort = new AbortController();
    const look = () => void speeds(abort.signal).then(set, (error: unknown) => console.warn('/speeds', error));
    look();
    const timer = setInterval(look, renewed);
    return () => { clearInterval(timer); abort.abort(); };
  }, []);
  return all;
}

export function rateOf(day: SpeedDay | undefined): number | null {
  return day == null || day.seconds <= 0 ? null : day.tokens / day.seconds;
}

function newness(day: SpeedDay, before: SpeedDay | undefined): string {
  if (!before) return '';
  return Object.entries(day.with).filter(([what, value]) => before.with[what] != null && before.with[what] !== value)
    .map(([what, value]) => `${what} ${String(before.with[what])} → ${String(value)}`).join(', ');
}

function Line(props: { of: SpeedDay[]; name: string }) {
  const { of } = props;
  const days = of.map((day) => Date.parse(day.day) / 86_400_000);
  const most = Math.max(...of.map((day) => rateOf(day) ?? 0), 1e-9) * 1.08;
  const span = Math.max(1, days.at(-1)! - days[0]!);
  const x = (index: number) => (width * (days[index]! - days[0]!)) / span;
  const y = (index: number) => height - (height * (rateOf(of[index]) ?? 0)) / most;
  const path = of.map((_, index) => `${index === 0 ? 'M' : 'L'}${x(index).toFixed(1)} ${y(index).toFixed(1)}`).join('');
  const rates = of.map((day) => rateOf(day) ?? 0);
  return (
    <svg class="spark" viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img"
      aria-label={t.speed.line(visible(props.name), rounded(Math.min(...rates)), rounded(Math.max(...rates)), of[0]!.day)}>
      <path class="area" d={`${path}L${width} ${height}L0 ${height}Z`} />
      <path class="curve" d={path} />
      {of.map((day, index) => {
        const fresh = newness(day, of[index - 1]);
        return fresh !== '' && <line key={`${day.day} ${fresh}`} x1={x(index)} x2={x(index)} y1={0} y2={height}><title>{`${day.day}: ${visible(fresh)}`}</title></line>;
      })}
    </svg>
  );
}

/** What the marks stand for, newest first, with the speed on both sides: a phone has no pointer to rest on them. */
function Changes(props: { of: SpeedDay[] }) {
  const marks = props.of.map((day, index) => ({ day, before: props.of[index - 1], fresh: newness(day, props.of[index - 1]) }));
  const all = marks.filter((mark) => mark.fresh !== '').slice(-20).reverse();
  if (all.length === 0) return null;
  return (
    <details class="change">
      <summary>{t.speed.changes(all.length)}</summary>
      <ul>{all.map(({ day, before, fresh }) => <li key={day.day}>{t.speed.changed(day.day, visible(fresh), rounded(rateOf(before) ?? 0), rounded(rateOf(day) ?? 0))}</li>)}</ul>
    </details>
  );
}

/** Those of several days. */
export function SpeedByDay(props: { of: ModelSpeed[] }) {
  const shown = props.of.filter((model) => model.days.length > 1);
  if (shown.length === 0) return null;
  return (
    <Panel title={t.speed.title}>
      <ul class="speeds">
        {shown.map((model) => {
          const last = model.days.at(-1)!;
          return (
            <li key={model.name}>
              <h3>{visible(model.name)}</h3>
              <Line of={model.days} name={model.name} />
              <p class="number" title={t.speed.meaning(last.day, count(last.answers))}>{rounded(rateOf(last) ?? 0)} <span class="quiet">{t.units.tokensPerSecond}</span></p>
              {model.change !== '' && <p class="change">{visible(model.change)}</p>}
              <Changes of={model.days} />
            </li>
          );
        })}
      </ul>
    </Panel>
  );
}
