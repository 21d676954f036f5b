import type { Request as RequestShape, Stage } from '../api/types';
import { requests } from '../live';
import { count, dash, milliseconds } from '../format';
import { visible } from '../parts/ansi';
import { Badge, Empty, Panel, TableFrame, Time, type Level } from '../parts/basics';
import { useNow, useStore } from '../store';
import { t } from '../texts';

// How an answer ends well: it was complete, or as long as the client had asked for.
const well = new Set(['stop', 'length']);

function levelOf(outcome: string): Level {
  if (well.has(outcome)) return 'good';
  if (outcome === 'running') return 'note';
  return outcome === 'cancelled' ? 'idle' : 'error'; // cancelled: by its client
}

function Segment(props: { of: Stage; whole: number }) {
  const { of, whole } = props;
  const place = (element: HTMLElement | null) => {
    if (!element) return;
    element.style.left = `${(100 * of.begin_ms) / whole}%`;
    element.style.width = `${(100 * of.length_ms) / whole}%`;
  };
  return <span class={`segment ${of.name in t.requests.stageMeanings ? of.name : 'other'}`} ref={place} />;
}

/** Milliseconds from its arrival to its end or to now; the box's clock and this one may differ, so never less than its stages. */
function wholeOf(one: RequestShape, now: number): number {
  const staged = one.stages.reduce((sum, stage) => sum + stage.length_ms, 0);
  return one.total_ms ?? Math.max(staged, Math.min(now - Date.parse(one.arrived), 24 * 3600_000) || 0);
}

/** The stages beside one another on one line, `longest` milliseconds wide. */
function Waterfall(props: { of: RequestShape; longest: number }) {
  const words = props.of.stages.map((stage) => `${t.requests.stage[stage.name] ?? visible(stage.name)} ${milliseconds(stage.length_ms)}`).join(', ');
  return (
    <div class="waterfall" role="img" aria-label={words === '' ? dash : words} title={words}>
      {props.of.stages.map((stage) => <Segment of={stage} whole={Math.max(1, props.longest)} />)}
    </div>
  );
}

export function Legend() {
  return (
    <ul class="legend">
      {Object.entries(t.requests.stage).map(([name, word]) => (
        <li key={name} title={t.requests.stageMeanings[name]}><span class={`segment ${name}`} aria-hidden="true" />{word}</li>
      ))}
    </ul>
  );
}

export function Requests() {
  const list = useStore(requests);
  const now = useNow(); // the running ones grow
  const all = [...list.running, ...list.recent];
  const longest = all.reduce((most, one) => Math.max(most, wholeOf(one, now)), 1);
  return (
    <Panel title={t.requests.title} actions={<Legend />}>
      <p class="quiet">{t.requests.note}</p>
      {all.length === 0 ? <Empty>{t.requests.none}</Empty> : (
        <TableFrame label={t.requests.title}>
          <table class="stacked requests">
            <thead>
              <tr>
                <th scope="col">{t.requests.arrived}</th><th scope="col">{t.requests.model}</th><th scope="col" title={t.requests.shapeMeaning}>{t.requests.shape}</th>
                <th scope="col">{t.requests.outcome}</th>
                <th scope="col" class="number" title={t.requests.promptMeaning}>{t.requests.prompt}</th>
                <th scope="col" class="number" title={t.requests.answerMeaning}>{t.requests.answer}</th>
                <th scope="col" class="number" title={t.requests.totalMeaning}>{t.requests.total}</th>
                <th scope="col" class="wide" title={t.requests.stageMeaning}>{t.requests.stages}</th>
              </tr>
            </thead>
            <tbody>
              {all.map((one) => (
                <tr key={one.id}>
                  <th scope="row" class="name"><Time at={one.arrived} /></th>
                  <td data-label={t.requests.model}>{visible(one.model)}</td>
                  <td data-label={t.requests.shape} title={t.requests.shapeMeaning}>{t.requests.messages(one.messages, one.tools)}</td>
                  <td class="outcome-cell" data-label={t.requests.outcome}><Badge level={levelOf(one.outcome)}>{visible(one.outcome)}</Badge></td>
                  <td data-label={t.requests.prompt} class="number" title={t.requests.promptMeaning}>{count(one.prompt_tokens)}</td>
                  <td data-label={t.requests.answer} class="number" title={t.requests.answerMeaning}>{count(one.answer_tokens ?? (one.pieces > 0 ? one.pieces : null))}</td>
                  <td data-label={t.requests.total} class="number" title={t.requests.totalMeaning}>{milliseconds(wholeOf(one, now))}</td>
                  <td data-label={t.requests.stages} class="wide"><Waterfall of={one} longest={longest} /></td>
                </tr>
              ))}
            </tbody>
          </table>
        </TableFrame>
      )}
    </Panel>
  );
}
