// What a person sees first: is it well, what is it doing, what should be done.
import { useStore } from '../store';
import type { Card, Model, Status, Waiting } from '../api/types';
import { count, dash, duration, megabytes, percent, rounded } from '../format';
import { headlines, levelOfState } from '../headline';
import { history, requests, status } from '../live';
import { Badge, Bar, Empty, Figure, Notice, Panel, TableFrame } from '../parts/basics';
import { Chart } from '../parts/chart';
import { visible } from '../parts/ansi';
import { t } from '../texts';

const shown = 4; // sentences at the top; the rest is a number

function Sentences(props: { of: Status }) {
  const all = headlines(props.of);
  const more = all.length - shown;
  return (
    <div class="headlines" aria-live="polite">
      {all.slice(0, shown).map((line) => (
        <div class={`headline ${line.level}`} key={line.sentence.slice(0, 40)}>
          <span class="mark" aria-hidden="true" />
          <div>
            <p class="sentence">{visible(line.sentence)}</p>
            {line.advice && <p class="advice">{visible(line.advice)}</p>}
          </div>
        </div>
      ))}
      {more > 0 && <p class="quiet">{t.headline.more(more)}</p>}
    </div>
  );
}

export function ModelState(props: { of: Model }) {
  const { of } = props;
  const loading = of.progress_percent != null || of.state === 'loading';
  return (
    <div class="state-cell">
      <Badge level={levelOfState(of.state)}>{t.states[of.state] ?? visible(of.state)}</Badge>
      {loading && (
        <Bar label={t.overview.bar(visible(of.name))} value={of.progress_percent} level="warning"
          text={of.left_seconds == null ? percent(of.progress_percent) : `${percent(of.progress_percent)}, ${t.overview.left(duration(of.left_seconds))}`} />
      )}
    </div>
  );
}

function Services(props: { of: Model }) {
  return (
    <details class="services">
      <summary>{t.overview.services}<span class="sr-only"> {visible(props.of.name)}</span></summary>
      <ul>
        {props.of.services.map((service) => (
          <li key={service.name}>
            <Badge level={levelOfState(service.state)}>{visible(service.name)}: {t.states[service.state] ?? visible(service.state)}</Badge>{' '}
            <span class="quiet">
              {t.overview.forTime(duration(service.for_seconds))}
              {service.pid != null && `, ${t.overview.processId(service.pid)}`}, {t.overview.starts(service.starts)}
            </span>
            {service.state !== 'ready' && service.reason !== '' && <p>{visible(service.reason)}</p>}
          </li>
        ))}
      </ul>
    </details>
  );
}

function Models(props: { of: Status }) {
  return (
    <Panel title={t.overview.models}>
      {props.of.models.length === 0 ? <Empty>{t.models.none}</Empty> : (
        <TableFrame label={t.overview.models}>
          <table class="stacked">
            <thead>
              <tr>
                <th scope="col">{t.overview.model}</th>
                <th scope="col" title={t.overview.stateMeaning}>{t.overview.state}</th>
                <th scope="col" title={t.overview.placeMeaning}>{t.overview.place}</th>
                <th scope="col" title={t.overview.queueMeaning}>{t.overview.queue}</th>
                <th scope="col" class="number" title={t.overview.speedMeaning}>{t.overview.speed}</th>
              </tr>
            </thead>
            <tbody>
              {props.of.models.map((model) => (
                <tr key={model.name}>
                  <th scope="row" class="name">{visible(model.name)}<Services of={model} /></th>
                  <td data-label={t.overview.state}><ModelState of={model} /></td>
                  <td data-label={t.overview.place} title={t.overview.placeMeaning}>
                    {model.memory.cards.length > 0 ? t.overview.card(model.memory.cards.join(', ')) : t.overview.noCard}
                    {model.memory.mb > 0 && `, ${megabytes(model.memory.mb)}`}
                    {model.pinned && `, ${t.overview.pinned}`}
                  </td>
                  <td data-label={t.overview.queue} title={t.overview.queueMeaning}>
                    {t.overview.running(model.queue.running)}, {t.overview.waiting(model.queue.waiting)}
                  </td>
                  <td data-label={t.overview.speed} class="number" title={t.overview.speedMeaning}>
                    {model.tokens_per_second == null ? dash : `${rounded(model.tokens_per_second)} ${t.units.tokensPerSecond}`}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </TableFrame>
      )}
    </Panel>
  );
}

function CardView(props: { of: Card }) {
  const { of } = props;
  const used = of.memory_used_mb != null && of.memory_total_mb ? (100 * of.memory_used_mb) / of.memory_total_mb : null;
  return (
    <li class="card">
      <h3>{t.overview.card(String(of.card))} <span class="quiet">{visible(of.name)}</span></h3>
      <div title={t.overview.memoryMeaning}>
        <Bar label={t.overview.memory} value={used} text={`${megabytes(of.memory_used_mb)} / ${megabytes(of.memory_total_mb)}`} />
      </div>
      <dl class="figures">
        <Figure label={t.overview.temperature} value={of.temperature_c == null ? dash : `${rounded(of.temperature_c)} °C`} meaning={t.overview.temperatureMeaning} />
        <Figure label={t.overview.npu} value={percent(of.npu_percent)} meaning={t.overview.npuMeaning} />
        <Figure label={t.overview.cpu} value={percent(of.cpu_percent)} meaning={t.overview.cpuMeaning} />
      </dl>
    </li>
  );
}

function Cards(props: { of: Status }) {
  const cards = props.of.devices.flatMap((device) => device.cards ?? []);
  return (
    <Panel title={t.overview.cards}>
      {cards.length === 0 ? <Empty>{t.overview.noCards}</Empty> : (
        <ul class="cards">{cards.map((card) => <CardView key={card.card} of={card} />)}</ul>
      )}
    </Panel>
  );
}

function Queue(props: { of: Waiting[] }) {
  return (
    <Panel title={t.overview.waitingTitle}>
      {props.of.length === 0 ? <Empty>{t.overview.nobodyWaits}</Empty> : (
        <TableFrame label={t.overview.waitingTitle}>
          <table>
            <thead>
              <tr>
                <th scope="col" class="number" title={t.overview.positionMeaning}>{t.overview.position}</th>
                <th scope="col">{t.overview.model}</th>
                <th scope="col" class="number" title={t.overview.sinceMeaning}>{t.overview.since}</th>
                <th scope="col" class="number" title={t.overview.estimateMeaning}>{t.overview.estimate}</th>
              </tr>
            </thead>
            <tbody>
              {props.of.slice(0, 50).map((one) => (
                <tr key={one.id}>
                  <td class="number">{one.position ?? dash}</td><td class="name">{visible(one.model)}</td>
                  <td class="number">{duration(one.waited_seconds)}</td><td class="number">{duration(one.estimate_seconds)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </TableFrame>
      )}
    </Panel>
  );
}

export function Overview() {
  const now = useStore(status);
  const list = useStore(requests);
  const speeds = useStore(history);
  if (!now) return <Notice level="note">{t.loading}</Notice>;
  return (
    <>
      <Sentences of={now} />
      <Models of={now} />
      <div class="columns">
        <Panel title={t.overview.chart}><Chart label={t.overview.chart} points={speeds} /></Panel>
        <Queue of={list.waiting} />
        <Cards of={now} />
        <Panel title={t.overview.box}>
          <dl class="figures">
            <Figure label={t.overview.runningNow} value={count(now.queue.running)} meaning={t.overview.runningMeaning} />
            <Figure label={t.overview.waitingNow} value={count(now.queue.waiting)} meaning={t.overview.waitingMeaning} />
            <Figure label={t.overview.uptime} value={duration(now.uptime_seconds)} meaning={t.overview.uptimeMeaning} />
            <Figure label={t.overview.version} value={now.version} meaning={t.overview.versionMeaning} />
            <Figure label={t.overview.process} value={now.pid} meaning={t.overview.processMeaning} />
          </dl>
        </Panel>
      </div>
    </>
  );
}
