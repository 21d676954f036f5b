import { useState } from 'preact/hooks';
import { createKey, keys, revokeKey } from '../api/calls';
import type { Scope } from '../api/types';
import { visible } from '../parts/ansi';
import { Confirm, copyText, Dialog, Empty, Loading, Panel, Problem, TableFrame, useLoaded } from '../parts/basics';
import { status } from '../live';
import { useStore } from '../store';
import { t } from '../texts';

const allScopes: Scope[] = ['inference', 'observe', 'operate', 'pull'];

function Once(props: { name: string; value: string; onClose: () => void }) {
  const [copied, setCopied] = useState(false);
  const copy = () => copyText(props.value).then(setCopied);
  return (
    <Dialog title={t.keys.once(visible(props.name))} onClose={props.onClose}>
      <p>{t.keys.onceText}</p>
      <p><code class="secret" data-test="new-key">{props.value}</code></p>
      <div class="buttons">
        <button type="button" onClick={() => void copy()}>{copied ? t.copied : t.copy}</button>
        <button type="button" class="primary" onClick={props.onClose}>{t.close}</button>
      </div>
    </Dialog>
  );
}

function Create(props: { made: (name: string, key: string) => void }) {
  const [name, setName] = useState('');
  const [scopes, setScopes] = useState<Scope[]>(['inference']);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const may = !busy && name.trim() !== '' && scopes.length > 0;
  const run = async () => {
    setBusy(true);
    setError(null);
    try {
      const made = await createKey(name.trim(), scopes);
      setName('');
      props.made(made.name, made.key);
    } catch (problem) {
      setError(problem);
    }
    setBusy(false);
  };
  const turn = (scope: Scope, on: boolean) => setScopes(allScopes.filter((one) => (one === scope ? on : scopes.includes(one))));
  return (
    <Panel title={t.keys.create}>
      <form class="fields" onSubmit={(event) => { event.preventDefault(); if (may) void run(); }}>
        <label>{t.keys.name}<input value={name} maxLength={64} spellcheck={false} autocomplete="off" onInput={(event) => setName(event.currentTarget.value)} />
          <span class="quiet">{t.keys.nameHint}</span></label>
        <fieldset>
          <legend>{t.keys.scopes}</legend>
          {allScopes.map((scope) => (
            <label class="check" key={scope}><input type="checkbox" checked={scopes.includes(scope)} onChange={(event) => turn(scope, event.currentTarget.checked)} />{t.keys.scope[scope]}</label>
          ))}
        </fieldset>
        <div class="buttons"><button type="submit" class="primary" disabled={!may}>{t.keys.createButton}</button></div>
      </form>
      <Problem of={error} />
    </Panel>
  );
}

export function Keys() {
  const { value, error, load } = useLoaded((signal) => keys(signal), []);
  const [once, setOnce] = useState<{ name: string; key: string } | null>(null);
  const [asked, setAsked] = useState<string | null>(null);
  const [done, setDone] = useState('');
  const [failed, setFailed] = useState<unknown>(null);
  const now = useStore(status);
  const revoke = async (name: string) => {
    setFailed(null);
    try {
      await revokeKey(name);
      setDone(t.keys.revoked(visible(name)));
    } catch (problem) {
      setFailed(problem);
    }
    load();
  };
  const revokeText = (name: string) => {
    const made = value?.keys.filter((key) => key.made_by === name).map((key) => visible(key.name)) ?? [];
    return made.length === 0 ? t.keys.revokeText : `${t.keys.revokeText} ${t.keys.hadMade(made.join(', '))}`;
  };
  if (value && !value.enabled) {
    return (
      <Panel title={t.keys.title}>
        <p>{t.keys.notUsed}</p>
        <p class="advice">{t.keys.notUsedAdvice(visible(now?.configuration ?? ''))}</p>
        {t.keys.notUsedCommands.map((block) => <pre tabIndex={0} key={block}>{block}</pre>)}
      </Panel>
    );
  }
  return (
    <>
      <p class="outcome" role="status">{done}</p>
      <Problem of={failed} />
      <Panel title={t.keys.title}>
        <Problem of={error} retry={load} />
        {!value && !error && <Loading />}
        {value?.keys.length === 0 && <Empty>{t.keys.none}</Empty>}
        {value && value.keys.length > 0 && (
          <TableFrame label={t.keys.title}>
            <table>
              <thead><tr><th scope="col">{t.keys.name}</th><th scope="col">{t.keys.scopes}</th><th scope="col">{t.models.actions}</th></tr></thead>
              <tbody>
                {value.keys.map((key) => (
                  <tr key={key.name}>
                    <th scope="row" class="name">{visible(key.name)}</th><td>{key.scopes.join(', ')}</td>
                    <td><button type="button" class="danger" aria-label={`${t.keys.revoke} ${visible(key.name)}`} onClick={() => setAsked(key.name)}>{t.keys.revoke}</button></td>
                  </tr>
                ))}
              </tbody>
            </table>
          </TableFrame>
        )}
      </Panel>
      {value && <Create made={(name, key) => { setOnce({ name, key }); load(); }} />}
      {once && <Once name={once.name} value={once.key} onClose={() => setOnce(null)} />}
      {asked != null && (
        <Confirm title={t.keys.revokeTitle(visible(asked))} text={revokeText(asked)} yes={t.keys.revoke} onYes={() => void revoke(asked)} onClose={() => setAsked(null)} />
      )}
    </>
  );
}
