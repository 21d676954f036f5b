import { useState } from 'preact/hooks';
import { incident, incidents } from '../api/calls';
import type { Bundle, Incident as IncidentLine, PastRequest, Step } from '../api/types';
import { count, dash, milliseconds } from '../format';
import { levelOfState, parted } from '../headline';
import { AnsiText, visible } from '../parts/ansi';
import { Badge, Empty, Loading, Panel, Problem, TableFrame, Time, useLoaded } from '../parts/basics';
import { t } from '../texts';

function kindWord(kind: string): string {
  return t.incidents.kinds[kind] ?? visible(kind);
}

function List(props: { of: IncidentLine[]; choose: (name: string) => void }) {
  return (
    <TableFrame label={t.incidents.title}>
      <table class="stacked">
        <thead>
          <tr><th scope="col">{t.incidents.when}</th><th scope="col">{t.incidents.model}</th><th scope="col">{t.incidents.kind}</th><th scope="col">{t.incidents.what}</th></tr>
        </thead>
        <tbody>
          {props.of.map((one) => (
            <tr key={one.name}>
              <th scope="row" class="name"><button type="button" class="link" onClick={() => props.choose(one.name)}><Time at={one.time} precise /></button></th>
              <td data-label={t.incidents.model}>{visible(one.model)}</td>
              <td data-label={t.incidents.kind}><Badge level="error">{kindWord(one.kind)}</Badge></td>
              <td data-label={t.incidents.what}>{visible(one.service)}: {visible(one.sentence)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </TableFrame>
  );
}

function Timeline(props: { of: Step[] }) {
  return (
    <ol class="timeline">
      {props.of.map((step, index) => (
        <li key={index} class={step.failure ? 'error' : levelOfState(step.to)}>
          <span class="mark" aria-hidden="true" />
          <span class="when"><Time at={step.time} precise /></span>
          <div>
            <strong>{visible(step.service)}</strong>{' '}
            {t.incidents.step(t.states[step.from] ?? visible(step.from), t.states[step.to] ?? visible(step.to))}
            {step.pid > 0 && <span class="quiet">, {t.overview.processId(step.pid)}</span>}
            {step.reason !== '' && step.reason !== step.to && <p>{visible(step.reason)}</p>}
            {step.advice !== '' && <p class="advice">{visible(step.advice)}</p>}
          </div>
        </li>
      ))}
    </ol>
  );
}

function Past(props: { title: string; of: PastRequest[] }) {
  return (
    <Panel title={props.title}>
      {props.of.length === 0 ? <Empty>{t.incidents.noInside}</Empty> : (
        <TableFrame label={props.title}>
          <table>
            <thead>
              <tr><th scope="col">{t.incidents.id}</th><th scope="col">{t.incidents.outcome}</th>
                <th scope="col" class="number" title={t.incidents.piecesMeaning}>{t.incidents.pieces}</th><th scope="col" class="number">{t.incidents.silent}</th></tr>
            </thead>
            <tbody>
              {props.of.map((one) => (
                <tr key={String(one.id)}>
                  <th scope="row" class="name"><code>{visible(String(one.id))}</code></th><td>{visible(one.outcome ?? t.requests.running)}</td>
                  <td class="number">{count(one.pieces)}</td><td class="number">{one.silent_for_ms == null ? dash : milliseconds(one.silent_for_ms)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </TableFrame>
      )}
    </Panel>
  );
}

function BundleView(props: { of: Bundle }) {
  const { of } = props;
  const [what, rest] = parted(of.trigger.sentence);
  return (
    <>
      <div class="headline verdict error">
        <span class="mark" aria-hidden="true" />
        <div>
          <p class="sentence">{visible(of.model)}, {visible(of.trigger.service)}: {visible(what)}</p>
          {rest !== '' && <p>{visible(rest)}</p>}
          {of.trigger.advice !== '' && <p class="advice">{visible(of.trigger.advice)}</p>}
          <p class="quiet"><Time at={of.trigger.time} precise />, {kindWord(of.kind)}, {t.overview.processId(of.trigger.pid)}</p>
        </div>
      </div>
      <Panel title={t.incidents.timeline}><Timeline of={of.history} /></Panel>
      <div class="columns">
        <Past title={t.incidents.inside} of={of.requests.inside} />
        <Past title={t.incidents.finished} of={of.requests.finished} />
      </div>
      <Panel title={t.incidents.lastLines}>
        {of.services.map((service) => (
          <details key={service.name} open={service.name === of.trigger.service}>
            <summary>{visible(service.name)}</summary>
            <pre class="log" tabIndex={0}>{service.lines.map((line) => <><AnsiText text={line} />{'\n'}</>)}</pre>
          </details>
        ))}
      </Panel>
    </>
  );
}

function One(props: { name: string; back: () => void }) {
  const { value, error, load } = useLoaded((signal) => incident(props.name, signal), [props.name]);
  return (
    <>
      <div class="bar-of-page"><button type="button" onClick={props.back}>← {t.incidents.back}</button><code class="quiet">{visible(props.name)}</code></div>
      <Problem of={error} retry={load} />
      {value ? <BundleView of={value} /> : !error && <Loading />}
    </>
  );
}

export function Incidents() {
  const [chosen, choose] = useState<string | null>(null);
  const { value, error, load } = useLoaded((signal) => incidents(signal), [chosen]);
  if (chosen != null) return <One name={chosen} back={() => choose(null)} />;
  return (
    <Panel title={t.incidents.title}>
      <Problem of={error} retry={load} />
      {!value && !error && <Loading />}
      {value?.length === 0 && <Empty>{t.incidents.none}</Empty>}
      {value && value.length > 0 && <List of={value} choose={choose} />}
    </Panel>
  );
}
