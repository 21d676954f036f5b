import { useState } from 'preact/hooks';
import { act, importFolder, type ModelAction } from '../api/calls';
import type { Import as ImportReport, Model, Status } from '../api/types';
import { session, status } from '../live';
import { visible } from '../parts/ansi';
import { Badge, Confirm, Empty, Notice, Panel, Problem, TableFrame } from '../parts/basics';
import { Findings } from '../parts/findings';
import { useStore } from '../store';
import { t } from '../texts';
import { ModelState } from './overview';

interface Asked {
  model: string;
  action: ModelAction;
}

const words: Record<ModelAction, { word: string; meaning: string }> = {
  load: { word: t.models.load, meaning: t.models.loadMeaning },
  unload: { word: t.models.unload, meaning: t.models.unloadMeaning },
  restart: { word: t.models.restart, meaning: t.models.restartMeaning },
  pin: { word: t.models.pin, meaning: t.models.pinMeaning },
  unpin: { word: t.models.unpin, meaning: t.models.unpinMeaning },
  remove: { word: t.models.remove, meaning: t.models.removeText },
};

function actionsOf(model: Model): ModelAction[] {
  const up = ['ready', 'loading', 'stopping'].includes(model.state);
  return [up ? 'unload' : 'load', 'restart', model.pinned ? 'unpin' : 'pin', 'remove'];
}

function Table(props: { of: Model[]; may: boolean; busy: boolean; ask: (what: Asked) => void }) {
  return (
    <TableFrame label={t.models.title}>
      <table class="stacked">
        <thead>
          <tr><th scope="col">{t.overview.model}</th><th scope="col" title={t.overview.stateMeaning}>{t.overview.state}</th><th scope="col">{t.models.actions}</th></tr>
        </thead>
        <tbody>
          {props.of.map((model) => (
            <tr key={model.name}>
              <th scope="row" class="name">{visible(model.name)}<span class="quiet block">{visible(model.source)}</span></th>
              <td data-label={t.overview.state}><ModelState of={model} /></td>
              <td data-label={t.models.actions}>
                <div class="buttons">
                  {actionsOf(model).map((action) => (
                    <button key={action} type="button" disabled={!props.may || props.busy} title={words[action].meaning}
                      aria-label={`${words[action].word} ${visible(model.name)}`} class={action === 'remove' ? 'danger' : ''}
                      onClick={() => props.ask({ model: model.model, action })}>{words[action].word}</button>
                  ))}
                </div>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </TableFrame>
  );
}

function NoModel(props: { may: boolean }) {
  if (!props.may) return <Empty>{t.welcome.emptyForOthers}</Empty>;
  return (
    <>
      <p>{t.models.none}</p>
      <pre tabIndex={0}>{t.models.pull}</pre>
    </>
  );
}

/** Files of models with a mistake. */
function LeftOut(props: { of: Status['left_out'] }) {
  return (
    <>
      {props.of.map((one) => (
        <div class="notice warning" key={one.file}>
          <p><strong>{visible(one.name || one.file)}</strong>: {t.headline.leftOut(visible(one.file), visible(one.problems[0] ?? ''))}</p>
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
  if (!now) return <Notice level="note">{t.loading}</Notice>;
  const may = who.scopes.includes('operate');
  const run = async (what: Asked) => {
    setBusy(true);
    setError(null);
    setDone('');
    try {
      await act(what.model, what.action);
      setDone(t.models.done(words[what.action].word, visible(what.model)));
    } catch (problem) {
      setError(problem);
    }
    setBusy(false);
  };
  const ask = (what: Asked) => (what.action === 'remove' || what.action === 'restart' ? setAsked(what) : void run(what));
  return (
    <>
      {!may && <Notice level="note">{t.models.needsOperate}</Notice>}
      <p class="outcome" role="status">{done}</p>
      <Problem of={error} />
      <Panel title={t.models.title}>
        {now.models.length === 0 && now.left_out.length === 0 && <NoModel may={may} />}
        {now.models.length > 0 && <Table of={now.models} may={may} busy={busy} ask={ask} />}
        <LeftOut of={now.left_out} />
      </Panel>
      {may && <Import />}
      {asked && (
        <Confirm title={asked.action === 'remove' ? t.models.removeTitle(visible(asked.model)) : t.models.restartTitle(visible(asked.model))}
          text={asked.action === 'remove' ? t.models.removeText : t.models.restartText} yes={words[asked.action].word}
          onYes={() => void run(asked)} onClose={() => setAsked(null)} />
      )}
    </>
  );
}
