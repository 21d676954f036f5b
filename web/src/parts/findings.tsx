// Findings of the doctor and of an import: what, why, what to do.
import type { Finding } from '../api/types';
import { asSentence } from '../format';
import { t } from '../texts';
import { visible } from './ansi';
import { Badge, type Level } from './basics';

const level: Record<string, Level> = { error: 'error', warning: 'warning', note: 'note' };

export function Findings(props: { of: Finding[] }) {
  return (
    <ul class="findings">
      {props.of.map((finding) => (
        <li key={`${finding.id} ${finding.subject} ${finding.what}`}>
          <p><Badge level={level[finding.severity] ?? 'note'}>{t.levels[finding.severity] ?? visible(finding.severity)}</Badge>{' '}
            <strong>{visible(asSentence(finding.what))}</strong> <code class="quiet">{visible(finding.id)}</code></p>
          <dl class="pairs">
            {finding.why && <><dt>{t.health.why}</dt><dd>{visible(asSentence(finding.why))}</dd></>}
            {finding.fix && <><dt>{t.health.fix}</dt><dd>{visible(asSentence(finding.fix))}</dd></>}
          </dl>
        </li>
      ))}
    </ul>
  );
}
