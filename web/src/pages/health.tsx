import { examine } from '../api/calls';
import type { Finding } from '../api/types';
import { asSentence } from '../format';
import { visible } from '../parts/ansi';
import { Loading, Panel, Problem, Time, useLoaded } from '../parts/basics';
import { Findings } from '../parts/findings';
import { t } from '../texts';

/** In the order of their worst finding, which comes first in the answer. */
function bySubject(findings: Finding[]): [string, Finding[]][] {
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) groups.set(finding.subject, [...(groups.get(finding.subject) ?? []), finding]);
  return [...groups];
}

/** A sentence of what there is to repair, by its worst. */
function Verdict(props: { of: Finding[] }) {
  const count = (severity: string) => props.of.filter((finding) => finding.severity === severity).length;
  const [errors, warnings] = [count('error'), count('warning')];
  const parts = ([[errors, 'error'], [warnings, 'warning']] as const).filter(([many]) => many > 0).map(([many, word]) => t.health.counted(many, word));
  return (
    <div class={`headline verdict ${errors > 0 ? 'error' : warnings > 0 ? 'warning' : 'good'}`} role="status">
      <span class="mark" aria-hidden="true" /><p class="sentence">{parts.length > 0 ? `${parts.join(', ')}.` : t.health.well}</p>
    </div>
  );
}

export function Health() {
  const { value, error, busy, load } = useLoaded((signal) => examine(signal), []);
  const all = value?.findings ?? [];
  // What asks nobody to do anything comes last, as a list.
  const quiet = all.filter((finding) => finding.severity === 'note' && finding.fix === t.health.nothing);
  return (
    <>
      <div class="bar-of-page">
        <h2>{t.health.title}</h2>
        {value && <span class="quiet">{t.health.at} <Time at={value.at} /></span>}
        <span class="grow" />
        <button type="button" disabled={busy} onClick={load}>{busy ? t.health.looking : t.health.look}</button>
      </div>
      <Problem of={error} />
      {!value && !error && <Loading />}
      {value && <Verdict of={all} />}
      {bySubject(all.filter((finding) => !quiet.includes(finding))).map(([subject, findings]) => (
        <Panel key={subject} title={visible(subject.replace(/^(the|this|model) /, (word) => word[0]!.toUpperCase() + word.slice(1)))}><Findings of={findings} /></Panel>
      ))}
      {quiet.length > 0 && (
        <Panel title={t.health.aside}>
          <ul class="findings seen">{quiet.map((finding) => <li key={`${finding.id} ${finding.what}`}>{visible(asSentence(finding.what))} <code class="quiet">{visible(finding.id)}</code></li>)}</ul>
        </Panel>
      )}
    </>
  );
}
