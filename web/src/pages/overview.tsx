// What a person sees first: is it well, what is it doing, what should be done.
import { useStore } from '../store';
import type { Card, Model, Status, Waiting } from '../api/types';
import { count, dash, duration, megabytes, percent, rounded } from '../format';
import { headlines, instancesOf, levelOfState, type Processes } from '../headline';
import { history, requests, session, status } from '../live';
import { Badge, Bar, Figure, Guard, Notice, Panel, Slim, TableFrame } from '../parts/basics';
import { Chart } from '../parts/chart';
import { visible } from '../parts/ansi';
import { Pulls } from './catalogue';
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

function StateOf(props: { of: Processes }) {
  const { of } = props;
  const loading = of.progress_percent != null || of.state === 'loading';
  return (
    <>
      <Badge level={levelOfState(of.state)}>{t.states[of.state] ?? visible(of.state)}</Badge>
      {loading && (
        <Bar label={t.overview.bar(visible(of.name))} value={of.progress_percent} level="warning"
          text={of.left_seconds == null ? percent(of.progress_percent) : `${percent(of.progress_percent)}, ${t.overview.left(duration(of.left_seconds))}`} />
      )}
    </>
  );
}

/** What an instance is called beside its model: where it runs. */
function placeName(of: Processes): string {
  const [, fallback = '', cards = ''] = /@(?:fallback(\d+))?:?([\d,]*)$/.exec(of.name) ?? [];
  return [fallback === '' ? '' : t.overview.fallback(fallback), cards === '' ? '' : t.overview.card(cards)].filter((part) => part !== '').join(', ')
    || t.overview.firstChoice;
}

function sizeOf(of: Processes): string {
  return (of.memory?.mb ?? 0) > 0 ? megabytes(of.memory?.mb) : '';
}

/** Of the model, and below it of each of its instances. */
export function ModelState(props: { of: Model }) {
  return (
    <div class="state-cell">
      {props.of.instances ? <Badge level={levelOfState(props.of.state)}>{t.states[props.of.state] ?? visible(props.of.state)}</Badge>
        : <StateOf of={props.of} />}
      {props.of.instances && (
        <ul class="instances" aria-label={t.overview.instances(visible(props.of.name))}>
          {props.of.instances.map((one) => (
            <li key={one.name}><span class="place">{placeName(one)}</span><div class="state-cell"><StateOf of={one} /></div></li>
          ))}
        </ul>
      )}
    </div>
  );
}

function placeOf(model: Model): string {
  const cards = [...new Set(instancesOf(model).flatMap((one) => one.memory?.cards ?? []))];
  // Of those that are not loaded it is what they would take.
  const loaded = instancesOf(model).filter((one) => model.instances == null || one.state === 'ready' || one.state === 'loading');
  const memory = loaded.reduce((sum, one) => sum + (one.memory?.mb ?? 0), 0);
  return [cards.length > 0 ? t.overview.cardsOf(cards.length, cards.join(', ')) : t.overview.noCard, memory > 0 ? megabytes(memory) : '',
    model.pinned ? t.overview.pinned : ''].filter((part) => part !== '').join(', ');
}

function Services(props: { of: Model }) {
  return (
    <details class="services">
      <summary>{t.overview.services}<span class="sr-only"> {visible(props.of.name)}</span></summary>
      <ul>
        {instancesOf(props.of).flatMap((one) => (one.services ?? []).map((service) => (
          <li key={`${one.name}/${service.name}`}>
            {props.of.instances && <span class="place">{[placeName(one), sizeOf(one)].filter((part) => part !== '').join(', ')}: </span>}
            <Badge level={levelOfState(service.state)}>{visible(service.name)}: {t.states[service.state] ?? visible(service.state)}</Badge>{' '}
            <span class="quiet">
              {t.overview.forTime(duration(service.for_seconds))}
              {service.pid != null && `, ${t.overview.processId(service.pid)}`}, {t.overview.starts(service.starts)}
            </span>
            {service.state !== 'ready' && service.reason !== '' && <p>{visible(service.reason)}</p>}
          </li>
        )))}
      </ul>
    </details>
  );
}

/** Zeros are a dash: what is not there should not be read. */
function queueOf(model: Model): string {
  const { running, waiting } = model.queue;
  return [running > 0 ? t.overview.running(running) : '', waiting > 0 ? t.overview.waiting(waiting) : ''].filter((part) => part !== '').join(', ') || dash;
}

function Models(props: { of: Status }) {
  return (
    <Panel title={t.overview.models}>
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
                <td data-label={t.overview.place} title={t.overview.placeMeaning}>{placeOf(model)}</td>
                <td data-label={t.overview.queue} title={t.overview.queueMeaning}>
                  {queueOf(model)}
                </td>
                <td data-label={t.overview.speed} class="number" title={t.overview.speedMeaning}>
                  {model.tokens_per_second > 0 ? `${rounded(model.tokens_per_second)} ${t.units.tokensPerSecond}` : dash}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </TableFrame>
    </Panel>
  );
}

function CardView(props: { of: Card }) {
  const { of } = props;
  const used = of.memory_used_mb != null && of.memory_total_mb ? (100 * of.memory_used_mb) / of.memory_total_mb : null;
  return (
    <li class="card">
      <h3>{t.overview.card(String(of.card))} <span class="quiet">{visible(of.name ?? '')}</span></h3>
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
  const problems = props.of.devices.flatMap((device) => device.problem ?? []);
  // Why none could be looked at is said at the top.
  if (cards.length === 0) return <Slim title={t.overview.cards}>{problems.length === 0 ? t.overview.noCards : t.overview.unknownCards}</Slim>;
  return (
    <Panel title={t.overview.cards}>
      {cards.length > 0 && <ul class={cards.length > 2 ? 'cards many' : 'cards'}>{cards.map((card) => <CardView key={card.card} of={card} />)}</ul>}
      {problems.map((problem) => <p class="notice note" key={problem}>{t.headline.device(visible(problem))}</p>)}
    </Panel>
  );
}

function Queue(props: { of: Waiting[] }) {
  if (props.of.length === 0) return <Slim title={t.overview.waitingTitle}>{t.overview.nobodyWaits}</Slim>;
  return (
    <Panel title={t.overview.waitingTitle}>
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
    </Panel>
  );
}

function BoxFigures(props: { of: Status }) {
  const now = props.of;
  return (
    <Panel title={t.overview.box} class="slim">
      <dl class="figures">
        {now.queue.running > 0 && <Figure label={t.overview.runningNow} value={count(now.queue.running)} meaning={t.overview.runningMeaning} />}
        {now.queue.waiting > 0 && <Figure label={t.overview.waitingNow} value={count(now.queue.waiting)} meaning={t.overview.waitingMeaning} />}
        <Figure label={t.overview.uptime} value={duration(now.uptime_seconds)} meaning={t.overview.uptimeMeaning} />
        <Figure label={t.overview.version} value={now.version} meaning={t.overview.versionMeaning} />
        <Figure label={t.overview.process} value={now.pid} meaning={t.overview.processMeaning} />
      </dl>
    </Panel>
  );
}

/** The first screen of a new box. */
function Welcome(props: { leftOut: number }) {
  const may = useStore(session).scopes.includes('operate');
  return (
    <section class="welcome">
      <h2>{props.leftOut > 0 ? t.welcome.leftOut(props.leftOut) : may ? t.welcome.empty : t.welcome.emptyForOthers}</h2>
      {may && <a class="button-like primary" href="#/models">{props.leftOut > 0 ? t.welcome.look : t.welcome.add}</a>}
    </section>
  );
}

/** What the box writes now, large; the last minutes below it where there is something to see. */
function Speed() {
  const points = useStore(history);
  const now = points.at(-1)?.value ?? 0;
  if (points.every((point) => point.value === 0)) return <Slim title={t.overview.speedTitle}>{t.overview.silent}</Slim>;
  return (
    <Panel title={t.overview.speedTitle}>
      <p class="large">{rounded(now)} <span class="quiet">{t.units.tokensPerSecond}</span></p>
      <Chart label={t.overview.chart} points={points} />
    </Panel>
  );
}

function Waiters() {
  return <Queue of={useStore(requests).waiting} />;
}

export function Overview() {
  const now = useStore(status);
  if (!now) return <Notice level="note">{t.loading}</Notice>;
  const fresh = now.models?.length === 0;
  const cards = now.devices?.some((device) => (device.cards?.length ?? 0) > 0);
  return (
    <>
      <Pulls />
      {fresh && <Welcome leftOut={now.left_out?.length ?? 0} />}
      <Guard title={t.overview.said}><Sentences of={now} /></Guard>
      <div class={cards && !fresh ? 'beside' : 'columns'}>
        {!fresh && <Guard title={t.overview.models}><Models of={now} /></Guard>}
        {!(fresh && now.devices?.length === 0) && <Guard title={t.overview.cards}><Cards of={now} /></Guard>}
      </div>
      {!fresh && (
        <div class="columns thirds">
          <Guard title={t.overview.waitingTitle}><Waiters /></Guard>
          <Guard title={t.overview.chart}><Speed /></Guard>
          <Guard title={t.overview.box}><BoxFigures of={now} /></Guard>
        </div>
      )}
    </>
  );
}
