import { useState } from 'preact/hooks';
import { act, importFolder, packages, removeModel, type ModelAction } from '../api/calls';
import type { Import as ImportReport, Model, Packages, Status } from '../api/types';
import { bytes } from '../format';
import { leftOut } from '../headline';
import { session, status } from '../live';
import { visible } from '../parts/ansi';
import { Badge, Confirm, Dialog, Empty, Guard, Loading, Notice, Panel, Problem, TableFrame, useLoaded } from '../parts/basics';
import { Findings } from '../parts/findings';
import { brought, lastPulled, pull } from '../pull_store';
import { useStore } from '../store';
import { t } from '../texts';
import { Catalogue, Pulls } from './catalogue';
import { ModelState } from './overview';

type Action = ModelAction | 'update' | 'remove';

interface Asked {
  model: string;
  action: Action;
}

const words: Record<Action, { word: string; meaning: string }> = {
  load: { word: t.models.load, meaning: t.models.loadMeaning },
  unload: { word: t.models.unload, meaning: t.models.unloadMeaning },
  restart: { word: t.models.restart, meaning: t.models.restartMeaning },
  pin: { word: t.models.pin, meaning: t.models.pinMeaning },
  unpin: { word: t.models.unpin, meaning: t.models.unpinMeaning },
  update: { word: t.models.update, meaning: t.models.updateMeaning },
  remove: { word: t.models.remove, meaning: t.models.removeMeaning },
};

type Package = Packages['packages'][number];

/** What a pull brought for that model and no other. */
function packageOf(model: string, all: Packages | undefined): Package | undefined {
  return all?.packages.find((one) => one.models.length === 1 && one.models[0] === model);
}

/** One that was asked for by the model's own name is fetched by it again. */
function updates(model: string, all: Packages | undefined): boolean {
  const name = packageOf(model, all)?.name;
  return name != null && (name === model || `${name}:latest` === model);
}

function actionsOf(model: Model, all: Packages | undefined): Action[] {
  const up = ['ready', 'loading', 'stopping'].includes(model.state);
  return [up ? 'unload' : 'load', 'restart', model.pinned ? 'unpin' : 'pin', ...(updates(model.model, all) ? ['update' as const] : []), 'remove'];
}

function Table(props: { of: Model[]; all: Packages | undefined; may: boolean; busy: boolean; ask: (what: Asked) => void }) {
  return (
    <TableFrame label={t.models.title}>
      <table class="stacked">
        <thead>
          <tr><th scope="col">{t.overview.model}</th><th scope="col" title={t.overview.stateMeaning}>{t.overview.state}</th>{props.may && <th scope="col">{t.models.actions}</th>}</tr>
        </thead>
        <tbody>
          {props.of.map((model) => (
            <tr key={model.name}>
              <th scope="row" class="name">{visible(model.name)}<span class="quiet block" title={visible(model.source)}>{visible(model.source.slice(model.source.lastIndexOf('/') + 1))}</span></th>
              <td data-label={t.overview.state}><ModelState of={model} /></td>
              {props.may && (
                <td data-label={t.models.actions}>
                  <div class="buttons">
                    {actionsOf(model, props.all).map((action) => (
                      <button key={action} type="button" disabled={props.busy} title={words[action].meaning}
                        aria-label={`${words[action].word} ${visible(model.name)}`} class={action === 'remove' ? 'danger' : ''}
                        onClick={() => props.ask({ model: model.model, action })}>{words[action].word}</button>
                    ))}
                  </div>
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </TableFrame>
  );
}

/** Says what goes, and with it how much of the disk: known only once the box has told of its packages. */
function RemoveDialog(props: { model: string; known: boolean; of: Package | undefined; onYes: (files: boolean) => void; onClose: () => void }) {
  const [chosen, setFiles] = useState<boolean | null>(null);
  const files = chosen ?? props.of != null;
  return (
    <Dialog title={t.models.removeTitle(visible(props.model))} onClose={props.onClose}>
      {props.known ? <p>{files ? t.models.removeWithFiles : t.models.removeText}</p> : <Loading />}
      {props.of && (
        <label class="check"><input type="checkbox" checked={files} onChange={(event) => setFiles(event.currentTarget.checked)} />{t.models.frees(bytes(props.of.bytes))}</label>
      )}
      <div class="buttons">
        <button type="button" onClick={props.onClose}>{t.cancel}</button>
        <button type="button" class="danger" disabled={!props.known} onClick={() => { props.onClose(); props.onYes(files); }}>{t.models.remove}</button>
      </div>
    </Dialog>
  );
}

/** Files of models with a mistake. */
function LeftOut(props: { of: Status['left_out'] }) {
  return (
    <>
      {props.of.map((one) => (
        <div class="notice warning" key={one.file}>
          <p><strong>{visible(one.name || one.file)}</strong>: {visible(leftOut(one))}</p>
          <p class="advice">{t.headline.leftOutAdvice}</p>
        </div>
      ))}
    </>
  );
}

const nothingWritten = 2; // the status of an import that can't be made

function possible(report: ImportReport): boolean {
  return report.status !== nothingWritten && report.model !== '';
}

function outcomeOf(report: ImportReport): string {
  if (report.written) return t.models.imported(visible(report.model));
  return possible(report) ? t.models.wouldImport(visible(report.model)) : t.models.cannotImport;
}

function Import() {
  const [folder, setFolder] = useState('');
  const [name, setName] = useState('');
  const [busy, setBusy] = useState(false);
  const [report, setReport] = useState<ImportReport | null>(null);
  const [error, setError] = useState<unknown>(null);
  const run = async (write: boolean) => {
    setBusy(true);
    setError(null);
    try {
      setReport(await importFolder(folder.trim(), name.trim(), write));
    } catch (problem) {
      setReport(null);
      setError(problem);
    }
    setBusy(false);
  };
  const may = !busy && folder.trim() !== '';
  return (
    <Panel title={t.models.import}>
      <form class="fields" onSubmit={(event) => { event.preventDefault(); if (may) void run(false); }}>
        <label>{t.models.folder}<input value={folder} spellcheck={false} autocomplete="off" onInput={(event) => setFolder(event.currentTarget.value)} />
          <span class="quiet">{t.models.folderHint}</span></label>
        <label>{t.models.name}<input value={name} spellcheck={false} autocomplete="off" onInput={(event) => setName(event.currentTarget.value)} /></label>
        <div class="buttons">
          <button type="submit" disabled={!may}>{t.models.check}</button>
          <button type="button" class="primary" disabled={!may} onClick={() => void run(true)}>{t.models.doImport}</button>
        </div>
      </form>
      <Problem of={error} />
      {report && (
        <div aria-live="polite">
          <p><Badge level={report.written || possible(report) ? 'good' : 'error'}>{outcomeOf(report)}</Badge></p>
          {report.pull && (
            <div class="notice note">
              <p>{t.models.pointers(visible(report.pull))}</p>
              <button type="button" class="primary" onClick={() => void pull(report.pull)}>{t.catalogue.getNamed(visible(report.pull))}</button>
            </div>
          )}
          <h3>{t.models.findings}</h3>
          {report.findings.length === 0 ? <Empty>{t.models.noFindings}</Empty> : <Findings of={report.findings} />}
          {report.manifest && <details><summary>{t.models.manifest}</summary><pre tabIndex={0}>{visible(report.manifest)}</pre></details>}
        </div>
      )}
    </Panel>
  );
}

export function Models() {
  const now = useStore(status);
  const who = useStore(session);
  const [asked, setAsked] = useState<Asked | null>(null);
  const [busy, setBusy] = useState(false);
  const [done, setDone] = useState('');
  const [error, setError] = useState<unknown>(null);
  const { value: all, busy: asking, load: look } = useLoaded((signal) => packages(signal), [useStore(brought)]);
  if (!now) return <Loading />;
  const may = who.scopes.includes('operate');
  const run = async (what: Asked, files = false) => {
    if (what.action === 'update') return void pull(packageOf(what.model, all)?.name ?? what.model);
    setBusy(true);
    setError(null);
    setDone('');
    try {
      if (what.action === 'remove') await removeModel(what.model, files);
      else await act(what.model, what.action);
      setDone(t.models.done(words[what.action].word, visible(what.model)));
    } catch (problem) {
      setError(problem);
    }
    setBusy(false);
    if (what.action !== 'remove') return;
    lastPulled.set('');
    look();
  };
  const ask = (what: Asked) => (what.action === 'remove' || what.action === 'restart' ? setAsked(what) : void run(what));
  return (
    <>
      {!may && <Notice level="note">{t.models.needsOperate}</Notice>}
      <p class="outcome" role="status">{done}</p>
      <Problem of={error} />
      <Pulls />
      {now.models.length + now.left_out.length > 0 && (
        <Panel title={t.models.title}>
          {now.models.length > 0 && <Table of={now.models} all={all} may={may} busy={busy} ask={ask} />}
          <LeftOut of={now.left_out} />
        </Panel>
      )}
      <Guard title={t.catalogue.title}><Catalogue of={now} may={may || who.scopes.includes('pull')} /></Guard>
      {may && <Import />}
      {asked?.action === 'remove' && (
        <RemoveDialog model={asked.model} known={!asking} of={packageOf(asked.model, all)} onYes={(files) => void run(asked, files)} onClose={() => setAsked(null)} />
      )}
      {asked?.action === 'restart' && (
        <Confirm title={t.models.restartTitle(visible(asked.model))} text={t.models.restartText} yes={words.restart.word}
          onYes={() => void run(asked)} onClose={() => setAsked(null)} />
      )}
    </>
  );
}
