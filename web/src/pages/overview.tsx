// What a person sees first: is it well, what is it doing, what should be done.
import { useStore } from '../store';
import type { Card, Model, Requests, Status, Waiting } from '../api/types';
import { asSentence, dash, duration, megabytes, percent, rounded } from '../format';
import { headlines, instancesOf, levelOfState, parted, type Headline, type Processes } from '../headline';
import { history, requests, session, status } from '../live';
import { Badge, Bar, Figure, Guard, Loading, Panel, TableFrame, Time } from '../parts/basics';
import { Chart } from '../parts/chart';
import { rateOf, SpeedByDay, useSpeeds, type ModelSpeed } from '../parts/speed';
import { visible } from '../parts/ansi';
import { pulls } from '../pull_store';
import { Pulls } from './catalogue';
import { t } from '../texts';

const shown = 4; // sentences at the top; the rest is a number

function Sentence(props: { of: Headline }) {
  const { level, sentence, advice } = props.of;
  const [first, rest] = level === 'good' ? [sentence, ''] : parted(sentence);
  return (
    <div class={`headline ${level}`}>
      <span class="mark" aria-hidden="true" />
      <div>
        <p class="sentence">{visible(first)}</p>
        {rest !== '' && <p class="quiet">{visible(rest)}</p>}
        {advice && <p class="advice">{visible(asSentence(advice))}</p>}
      </div>
    </div>
  );
}

function Sentences(props: { of: Status }) {
  const all = headlines(props.of);
  const more = all.length - shown;
  return (
    <div class="headlines" aria-live="polite">
      {all.slice(0, shown).map((line) => <Sentence key={line.sentence.slice(0, 40)} of={line} />)}
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

/** 0, 1, 2 and 5 are "0–2, 5". */
function ranges(of: (string | number)[]): string {
  const runs: [number, number][] = [];
  for (const one of of.map(Number).sort((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last && one === last[1] + 1) last[1] = one;
    else runs.push([one, one]);
  }
  return runs.map(([from, to]) => (from === to ? `${from}` : `${from}${to === from + 1 ? ', ' : '–'}${to}`)).join(', ');
}

function Place(props: { of: Model }) {
  const model = props.of;
  const cards = [...new Set(instancesOf(model).flatMap((one) => one.memory?.cards ?? []))];
  // Of those that are not loaded it is what they would take.
  const loaded = instancesOf(model).filter((one) => model.instances == null || one.state === 'ready' || one.state === 'loading');
  const memory = loaded.reduce((sum, one) => sum + (one.memory?.mb ?? 0), 0);
  const whenLoaded = instancesOf(model).every((one) => one.state === 'unloaded') ? t.overview.whenLoaded : '';
  const more = [memory > 0 ? megabytes(memory) : '', cards.length > 0 ? whenLoaded : '', model.pinned ? t.overview.pinned : ''].filter((part) => part !== '').join(', ');
  return <div>{cards.length > 0 ? t.overview.cardsOf(cards.length, ranges(cards)) : t.overview.noCard}{more !== '' && <span class="quiet block">{more}</span>}</div>;
}

/** Of one that is unloaded there is nothing to tell. */
function Services(props: { of: Model }) {
  const told = instancesOf(props.of).flatMap((one) => one.services ?? []).some((service) => service.pid != null || service.state !== 'stopped');
  if (!told) return null;
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

/** Now; else of the last day with answers. */
function SpeedOf(props: { of: Model; known: ModelSpeed | undefined }) {
  const now = props.of.tokens_per_second;
  if (now > 0) return <>{rounded(now)} {t.units.tokensPerSecond}</>;
  const last = rateOf(props.known?.days.at(-1));
  return last == null ? <>{dash}</> : <span class="quiet">{t.speed.usual(rounded(last))}</span>;
}

function Models(props: { of: Status; speeds: ModelSpeed[] }) {
  const knownOf = (model: Model) => props.speeds.find((one) => one.name === model.name);
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
                <td data-label={t.overview.place} title={t.overview.placeMeaning}><Place of={model} /></td>
                <td data-label={t.overview.queue} class={queueOf(model) === dash ? 'none' : ''} title={t.overview.queueMeaning}>{queueOf(model)}</td>
                <td data-label={t.overview.speed} class={model.tokens_per_second > 0 || knownOf(model) ? 'number' : 'number none'} title={t.overview.speedMeaning}>
                  <SpeedOf of={model} known={knownOf(model)} />
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

const fewCards = 2; // stand beside the models

/** Why some could not be looked at is said at the top. */
function Cards(props: { of: Card[] }) {
  return (
    <Panel title={t.overview.cards}>
      <ul class={props.of.length > fewCards ? 'cards many' : 'cards'}>{props.of.map((card) => <CardView key={card.card} of={card} />)}</ul>
    </Panel>
  );
}

function Queue(props: { of: Waiting[] }) {
  const estimated = props.of.some((one) => one.estimate_seconds != null);
  return (
    <Panel title={t.overview.waitingTitle}>
      <TableFrame label={t.overview.waitingTitle}>
        <table>
          <thead>
            <tr>
              <th scope="col" class="number" title={t.overview.positionMeaning}>{t.overview.position}</th>
              <th scope="col">{t.overview.model}</th>
              <th scope="col" class="number" title={t.overview.sinceMeaning}>{t.overview.since}</th>
              {estimated && <th scope="col" class="number" title={t.overview.estimateMeaning}>{t.overview.estimate}</th>}
            </tr>
          </thead>
          <tbody>
            {props.of.slice(0, 50).map((one) => (
              <tr key={one.id}>
                <td class="number">{one.position > 0 ? one.position : dash}</td><td class="name">{visible(one.model)}</td>
                <td class="number">{duration(one.waited_seconds)}</td>{estimated && <td class="number">{duration(one.estimate_seconds)}</td>}
              </tr>
            ))}
          </tbody>
        </table>
      </TableFrame>
    </Panel>
  );
}

/** What is asked for once: at the foot, without a frame. */
function BoxFigures(props: { of: Status; cards: boolean }) {
  const now = props.of;
  return (
    <dl class="figures small foot">
      <Figure label={t.overview.address} value={<code>{location.origin}</code>} meaning={t.overview.addressMeaning} />
      {!props.cards && now.devices?.length === 0 && <Figure label={t.overview.cards} value={t.overview.noCards} meaning={t.overview.noCardsMeaning} />}
      <Figure label={t.overview.version} value={now.version} meaning={t.overview.versionMeaning} />
      <Figure label={t.overview.uptime} value={duration(now.uptime_seconds)} meaning={t.overview.uptimeMeaning} />
      <Figure label={t.overview.process} value={now.pid} meaning={t.overview.processMeaning} />
    </dl>
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

/** The end of the last answer, by the box's clock. */
function lastEnd(of: Requests): number | null {
  const ends = of.recent.map((one) => Date.parse(one.arrived) + (one.total_ms ?? 0));
  return ends.length === 0 ? null : Math.max(...ends);
}

/** What the box writes now, large; the last minutes below it where there is something to see. */
function Speed(props: { of: Status; requests: Requests }) {
  const points = useStore(history);
  const now = props.of.models.reduce((sum, model) => sum + (model.tokens_per_second ?? 0), 0);
  const silent = points.every((point) => point.value === 0);
  const last = lastEnd(props.requests);
  const able = props.of.models.some((model) => ['ready', 'unloaded'].includes(model.state));
  return (
    <Panel title={t.overview.speedTitle}>
      <p class="large">{now > 0 ? <>{rounded(now)} <span class="quiet">{t.units.tokensPerSecond}</span></> : able ? t.overview.idle : t.overview.noneReady}</p>
      {!silent && <Chart label={t.overview.chart} points={points} />}
      {now === 0 && <p class="quiet">{last == null ? t.overview.noAnswer : <>{t.overview.lastAnswer} <Time at={last} />.</>}</p>}
    </Panel>
  );
}

export function Overview() {
  const now = useStore(status);
  const list = useStore(requests);
  const { waiting } = list;
  const speeds = useSpeeds();
  const going = useStore(pulls).some((one) => one.state === 'going');
  if (!now) return <Loading />;
  const fresh = now.models?.length === 0;
  const cards = (now.devices ?? []).flatMap((device) => device.cards ?? []);
  const shownCards = cards.length > 0 && <Guard title={t.overview.cards}><Cards of={cards} /></Guard>;
  const few = cards.length <= fewCards;
  return (
    <>
      <Pulls />
      {fresh && !going && <Welcome leftOut={now.left_out?.length ?? 0} />}
      <Guard title={t.overview.said}><Sentences of={now} /></Guard>
      {fresh ? shownCards : (
        <div class="beside">
          <div class="stack">
            <Guard title={t.overview.models}><Models of={now} speeds={speeds} /></Guard>
            {waiting.length > 0 && <Guard title={t.overview.waitingTitle}><Queue of={waiting} /></Guard>}
            {!few && shownCards}
            <Guard title={t.speed.title}><SpeedByDay of={speeds} /></Guard>
          </div>
          <div class="stack side">
            <Guard title={t.overview.chart}><Speed of={now} requests={list} /></Guard>
            {few && shownCards}
          </div>
        </div>
      )}
      {!fresh && <Guard title={t.overview.box}><BoxFigures of={now} cards={cards.length > 0} /></Guard>}
    </>
  );
}
