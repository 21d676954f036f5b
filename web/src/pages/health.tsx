import { examine } from '../api/calls';
import type { Finding } from '../api/types';
import { visible } from '../parts/ansi';
import { Empty, Notice, Panel, Problem, Time, useLoaded } from '../parts/basics';
import { Findings } from '../parts/findings';
import { t } from '../texts';

/** In the order of their worst finding, which comes first in the answer. */
function bySubject(findings: Finding[]): [string, Finding[]][] {
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) groups.set(finding.subject, [...(groups.get(finding.subject) ?? []), finding]);
  return [...groups];
}

export function Health() {
  const { value, error, busy, load } = useLoaded((signal) => examine(signal), []);
  return (
    <>
      <div class="bar-of-page">
        <h2>{t.health.title}</h2>
        {value && <span class="quiet">{t.health.findings(value.findings.length)}, {t.health.at} <Time at={value.at} /></span>}
        <span class="grow" />
        <button type="button" class="primary" disabled={busy} onClick={load}>{busy ? t.health.looking : t.health.look}</button>
      </div>
      <Problem of={error} />
      {!value && !error && <Notice level="note">{t.loading}</Notice>}
      {value?.findings.length === 0 && <Empty>{t.health.well}</Empty>}
      {value && bySubject(value.findings).map(([subject, findings]) => (
        <Panel key={subject} title={visible(subject)}><Findings of={findings} /></Panel>
      ))}
    </>
  );
}
