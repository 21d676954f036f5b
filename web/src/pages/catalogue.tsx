// A model for this box: found in the catalogue, fetched, gone on with.
import { useState } from 'preact/hooks';
import { catalogue } from '../api/calls';
import type { CatalogueModel, CataloguePackage, Status } from '../api/types';
import { change } from '../chat_store';
import { bytes, count, dash, duration, percent } from '../format';
import { visible } from '../parts/ansi';
import { Badge, Bar, Empty, Loading, Panel, Problem, TableFrame, useLoaded } from '../parts/basics';
import { brought, cancel, dismiss, lastPulled, pull, pulls, type Pull } from '../pull_store';
import { useStore } from '../store';
import { t } from '../texts';

const megabyte = 1024 * 1024;
const repository = /^(?:https:\/\/)?(?:hf\.co|huggingface\.co)\/[\w.-]+\/[\w.-]+(?::[\w./-]+)?$/;

function figuresOf(of: Pull): string {
  const left = of.rate != null && of.rate > 0 && of.total != null ? (of.total - of.completed) / of.rate : null;
  return [of.total == null ? '' : t.pull.of(bytes(of.completed), bytes(of.total)), of.rate == null ? '' : t.pull.rate(bytes(of.rate)),
    left == null ? '' : t.overview.left(duration(left))].filter((part) => part !== '').join(', ');
}

function PullView(props: { of: Pull }) {
  const { of } = props;
  const name = visible(of.name);
  const share = of.total ? (100 * of.completed) / of.total : null;
  const word = Object.entries(t.pull.steps).find(([begin]) => of.status.startsWith(begin))?.[1] ?? visible(of.status);
  return (
    <li>
      <p><strong>{name}</strong>{' '}<span class="quiet">{of.state === 'going' ? word : of.state === 'stopped' ? t.pull.stopped : ''}</span></p>
      {of.state === 'going' && <Bar label={t.pull.bar(name)} value={share} text={[share == null ? '' : percent(share), figuresOf(of)].filter((part) => part !== '').join(', ') || word} />}
      {of.problem && <p class="notice error" role="alert">{visible(of.problem)}</p>}
      <div class="buttons">
        {of.state === 'going' ? <button type="button" aria-label={`${t.cancel} ${name}`} onClick={() => cancel(of.name)}>{t.cancel}</button> : (
          <>
            <button type="button" class="primary" aria-label={`${t.pull.goOn} ${name}`} onClick={() => void pull(of.name)}>{t.pull.goOn}</button>
            <button type="button" aria-label={`${t.pull.forget} ${name}`} onClick={() => dismiss(of.name)}>{t.pull.forget}</button>
          </>
        )}
      </div>
    </li>
  );
}

function ask(model: string): void {
  lastPulled.set('');
  change({ model });
}

/** What is being fetched, on whichever page. */
export function Pulls() {
  const all = useStore(pulls);
  const last = useStore(lastPulled);
  return (
    <>
      <div class="pulled" role="status">{last !== '' && <p>{t.pull.done(visible(last))} <a href="#/chat" onClick={() => ask(last)}>{t.pull.ask}</a></p>}</div>
      {all.length > 0 && <Panel title={t.pull.title}><ul class="pulls">{all.map((one) => <PullView key={one.name} of={one} />)}</ul></Panel>}
    </>
  );
}

function inCard(of: CataloguePackage): boolean {
  return of.boxes.some((box) => box === 'axcl' || box === 'ascend');
}

function sizeOf(of: number | undefined): string {
  return of == null || of === 0 ? dash : bytes(of * megabyte);
}

/** What the model is and can, in a few words; what speaks against it below. */
function About(props: { of: CatalogueModel }) {
  const { of } = props;
  const facts = [of.parameter_size, of.package?.quantization ?? '', of.capabilities.filter((can) => can !== 'completion').join(', '),
    of.package && !of.package.examined ? t.catalogue.unexamined : '', of.package?.verified ? t.catalogue.verified : ''];
  return (
    <>
      <p class="quiet">{facts.filter((fact) => fact !== '').map(visible).join(' · ')}</p>
      {[...(of.reason === '' ? [] : [of.reason]), ...(of.package?.faults ?? [])].map((note) => <p class="quiet" key={note}>{visible(note)}</p>)}
    </>
  );
}

function Figures(props: { of: CataloguePackage | null }) {
  const cells: [string, string, string][] = [
    [t.catalogue.download, sizeOf(props.of?.download_mb), t.catalogue.downloadMeaning],
    [t.catalogue.memory, sizeOf(props.of?.memory_mb), t.catalogue.memoryMeaning],
    [t.catalogue.window, props.of?.context ? `${count(props.of.context)} ${t.units.tokens}` : dash, t.catalogue.windowMeaning],
  ];
  return <>{cells.map(([label, value, meaning]) => <td key={label} data-label={label} class={value === dash ? 'number none' : 'number'} title={meaning}>{value}</td>)}</>;
}

function Row(props: { of: CatalogueModel; served: boolean; may: boolean; going: Pull | undefined }) {
  const { of } = props;
  const name = visible(of.name);
  return (
    <tr>
      <th scope="row">{name}{props.served && <> <Badge level="good">{t.catalogue.served}</Badge></>}<About of={of} /></th>
      <Figures of={of.package ?? null} />
      <td data-label={t.catalogue.licence} class="licence">{visible(of.package?.license ?? dash)}</td>
      <td class="act">
        {props.going && <span class="quiet number">{props.going.total ? percent((100 * props.going.completed) / props.going.total) : t.catalogue.going}</span>}
        {of.fits && !props.served && !props.going && (
          <button type="button" disabled={!props.may} aria-label={`${t.catalogue.get} ${name}`} onClick={() => void pull(of.name)}>{t.catalogue.get}</button>
        )}
      </td>
    </tr>
  );
}

function holds(of: CatalogueModel, words: string[]): boolean {
  const all = [of.name, ...of.aliases, of.family, ...of.capabilities, of.parameter_size].join(' ').toLowerCase();
  return words.every((word) => all.includes(word));
}

export function Catalogue(props: { of: Status; may: boolean }) {
  const { value, error, load } = useLoaded((signal) => catalogue(signal), [useStore(brought)]);
  const [words, setWords] = useState('');
  const going = useStore(pulls).filter((one) => one.state === 'going');
  const names = props.of.models.flatMap((model) => [model.name, ...model.aliases, ...(model.also ?? [])]);
  const wanted = words.trim().toLowerCase().split(/\s+/).filter((word) => word !== '');
  const found = (value?.models ?? []).filter((model) => holds(model, wanted));
  const typed = words.trim();
  const rows = (of: CatalogueModel[]) => (
    <TableFrame label={t.catalogue.title}>
      <table class="catalogue">
        <thead>
          <tr>
            <th scope="col">{t.overview.model}</th><th scope="col" class="number" title={t.catalogue.downloadMeaning}>{t.catalogue.download}</th>
            <th scope="col" class="number" title={t.catalogue.memoryMeaning}>{of.some((one) => one.package && inCard(one.package)) ? t.catalogue.cardMemory : t.catalogue.memory}</th>
            <th scope="col" class="number" title={t.catalogue.windowMeaning}>{t.catalogue.window}</th><th scope="col">{t.catalogue.licence}</th>
            <th scope="col"><span class="sr-only">{t.models.actions}</span></th>
          </tr>
        </thead>
        <tbody>{of.map((model) => <Row key={model.name} of={model} served={names.includes(model.name)} may={props.may} going={going.find((one) => one.name === model.name)} />)}</tbody>
      </table>
    </TableFrame>
  );
  // Those whose files are known first, and of a family the small ones.
  const size = (model: CatalogueModel) => model.package?.memory_mb || model.package?.download_mb || 0;
  const unknown = (model: CatalogueModel) => Number(!model.package?.examined);
  const fitting = found.filter((model) => model.fits).sort((a, b) => unknown(a) - unknown(b) || a.family.localeCompare(b.family) || size(a) - size(b));
  const others = found.filter((model) => !model.fits);
  const examined = fitting.map((model) => model.package?.examined ?? '').sort().at(-1) ?? '';
  return (
    <Panel title={t.catalogue.title} actions={value && <span class="quiet">{t.catalogue.box(visible(value.box))}</span>}>
      <p class="quiet">{props.may ? t.catalogue.runs : t.catalogue.needsPull}</p>
      <label class="search"><span class="sr-only">{t.catalogue.search}</span>
        <input type="search" value={words} spellcheck={false} placeholder={t.catalogue.hint} onInput={(event) => setWords(event.currentTarget.value)} /></label>
      <Problem of={error} retry={load} />
      {!value && !error && <Loading />}
      {repository.test(typed) && props.may && (
        <div class="buttons"><button type="button" class="primary" disabled={going.some((one) => one.name === typed)} onClick={() => void pull(typed)}>{t.catalogue.getNamed(visible(typed))}</button></div>
      )}
      {value && fitting.length === 0 && !repository.test(typed) && <Empty>{wanted.length > 0 ? t.catalogue.noneFound : t.catalogue.noneFits}</Empty>}
      {fitting.length > 0 && rows(fitting)}
      {fitting.length > 0 && (
        <p class="quiet">{[fitting.every((model) => !model.package?.verified) ? t.catalogue.untried : '', examined === '' ? '' : t.catalogue.examined(visible(examined))].join(' ')}</p>
      )}
      {others.length > 0 && <details open={wanted.length > 0 && fitting.length === 0}><summary>{t.catalogue.others(others.length)}</summary>{rows(others)}</details>}
      {value?.problems.map((problem) => <p class="notice warning" key={problem}>{t.catalogue.leftOut(visible(problem))}</p>)}
    </Panel>
  );
}
