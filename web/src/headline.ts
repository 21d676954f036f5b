// The one sentence of what is wrong and what to do, worst first. Pure: a status in, sentences out.
import type { Instance, Model, Service, Status } from './api/types';
import { duration, percent } from './format';
import type { Level } from './parts/basics';
import { t } from './texts';

export interface Headline {
  level: Level;
  sentence: string;
  advice: string;
}

const trouble = new Set(['starting', 'waiting', 'broken', 'stopping']);

/** A model, or one of its sets of processes. */
export type Processes = Model | Instance;

/** The sets of processes of a model: itself where it is the only one. */
export function instancesOf(model: Model): Processes[] {
  return model.instances ?? [model];
}

/** The service that keeps it from being ready for a reason other than its first load, the runtime before those around it. */
function culprit(of: Processes): Service | undefined {
  const services = of.services ?? [];
  return services.find((service) => trouble.has(service.state) && (service.causes.length > 1 || service.advice !== ''))
    ?? services.find((service) => service.state === 'broken');
}

/** What a service says of its end, without the first cause where that is only "loading again": causes side by side, sentences apart. */
function story(service: Service): string {
  const causes = service.causes.filter((cause) => cause !== '' && !/^(then )?loading again$/.test(cause));
  if (causes.length === 0) return service.reason;
  return causes.reduce((said, cause) => said + (/^[A-Z]/.test(cause) ? (said.endsWith('.') ? ' ' : '. ') : said.endsWith('.') ? ' ' : ', ') + cause)
    .replace(/[^.!?]$/, '$&.');
}

/** `whole`: the state of the model, which others of its instances may still serve. */
function ofProcesses(of: Processes, whole: string): Headline | undefined {
  const service = culprit(of);
  const serves = whole === 'ready' && of.state !== 'ready';
  if (of.state === 'broken') {
    // What came before it is told with the services.
    const why = service == null ? of.reason : service.causes[0] ?? service.reason;
    return { level: serves ? 'warning' : 'error', sentence: t.headline.broken(of.name, why || of.reason), advice: service?.advice || t.headline.brokenAdvice };
  }
  if (service == null || of.state === 'stopped' || of.state === 'unloaded') return undefined;
  const again = service.next_try_seconds != null && service.next_try_seconds > 0 && service.state === 'waiting'
    ? t.headline.reloadWaits(duration(service.next_try_seconds))
    : t.headline.reload(of.progress_percent == null ? '' : percent(of.progress_percent),
      of.left_seconds == null ? '' : duration(of.left_seconds));
  return { level: 'warning', sentence: t.headline.service(of.name, service.name, `${story(service)} ${again}`), advice: service.advice };
}

/** The place is a part of the problem where there is one: file, line and column. */
export function leftOut(one: Status['left_out'][number]): string {
  const problem = one.problems[0] ?? '';
  return `${t.headline.leftOut}. ${problem.startsWith(one.file) ? problem : `${one.file}: ${problem}`}`;
}

/** What happened, and what else is told of it: a list of what would be right is read by whoever wants it. */
export function parted(sentence: string): [string, string] {
  const at = sentence.search(/(?<=\.) (?=['/A-Z])|; /);
  return at < 0 ? [sentence, ''] : [sentence.slice(0, at), sentence.slice(at).replace(/^[; ]+/, '')];
}

/** What keeps a model from serving with all that it has. */
export function headlinesOf(model: Model): Headline[] {
  return instancesOf(model).flatMap((one) => ofProcesses(one, model.state) ?? []);
}

/** All that is to be said, the worst first; one "all is well" when there is nothing else. */
export function headlines(status: Status): Headline[] {
  const out: Headline[] = [];
  const add = (level: Level, sentence: string, advice = '') => void out.push({ level, sentence, advice });
  if (status.shutting_down) add('error', t.headline.ending, t.headline.endingAdvice);
  for (const why of status.closed) add('error', t.headline.closed(why));
  for (const what of status.kept ?? []) add('error', what, t.headline.keptAdvice);
  out.push(...status.models.flatMap(headlinesOf));
  if (status.in_place) add('error', t.headline.inPlace(status.in_place.served, status.in_place.problems[0] ?? ''), t.headline.inPlaceAdvice);
  // Where the whole file has a mistake, its models are not told of once more.
  const told = status.in_place?.problems[0] ?? '';
  for (const left of status.left_out) if (left.problems[0] !== told) add('warning', leftOut(left), t.headline.leftOutAdvice);
  if (status.upgrade.under_way) add('note', t.headline.upgrading(status.upgrade.status));
  if (status.upgrade.failure !== '') add('warning', t.headline.upgradeFailed(status.upgrade.failure));
  if (status.drained) add('warning', t.headline.drained, t.headline.drainedAdvice);
  for (const model of status.models) {
    if (model.waits !== '') add('note', t.headline.warning(model.name, model.waits));
    for (const one of instancesOf(model)) {
      if (one.warning !== '') add('warning', t.headline.warning(one.name, one.warning));
      for (const service of one.services ?? []) {
        if (service.warning !== '' && service.warning !== one.warning) add('warning', t.headline.service(one.name, service.name, service.warning));
      }
    }
  }
  for (const device of status.devices) {
    if (device.problem) add('note', t.headline.device(device.problem), t.headline.deviceAdvice);
  }
  const rank: Record<Level, number> = { error: 0, warning: 1, note: 2, idle: 3, good: 4 };
  out.sort((a, b) => rank[a.level] - rank[b.level]);
  if (out.length === 0 || rank[out[0]!.level] >= rank.note) {
    const are = (state: string) => status.models.filter((model) => model.state === state).length;
    if (are('ready') === 0 && are('loading') > 0) out.unshift({ level: 'note', sentence: t.headline.loading(are('loading')), advice: '' });
    else if (status.models.length > 0) {
      out.unshift({ level: 'good', sentence: `${t.headline.well} ${t.headline.wellDetail(are('ready'), are('loading'), status.queue.running)}`, advice: '' });
    }
  }
  return out;
}

export function levelOfState(state: string): Level {
  switch (state) {
    case 'ready': return 'good';
    case 'broken': return 'error';
    case 'loading': case 'starting': case 'stopping': case 'waiting': return 'warning';
    default: return 'idle';
  }
}
