import { useState } from 'preact/hooks';
import { login } from '../api/calls';
import { ApiError } from '../api/client';
import { access, begin } from '../live';
import { Panel, Problem } from '../parts/basics';
import { t } from '../texts';

export function Login() {
  const [key, setKey] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const run = async () => {
    setBusy(true);
    setError(null);
    try {
      await login(key.trim());
      setKey('');
      await begin();
      if (access.get().kind === 'login') setError(new ApiError(0, t.login.forgotten, t.login.forgottenAdvice));
    } catch (problem) {
      setError(problem);
    }
    setBusy(false);
  };
  return (
    <Panel title={t.login.title} class="narrow">
      <p>{t.login.text}</p>
      <form class="fields" onSubmit={(event) => { event.preventDefault(); if (key.trim() !== '') void run(); }}>
        <label>{t.login.key}
          <input type="password" autocomplete="current-password" value={key} onInput={(event) => setKey(event.currentTarget.value)} /></label>
        <div class="buttons"><button type="submit" class="primary" disabled={busy || key.trim() === ''}>{t.login.button}</button></div>
      </form>
      <Problem of={error} />
      {error == null && <><p class="quiet">{t.login.howTo}</p><pre tabIndex={0}>{t.login.command}</pre></>}
    </Panel>
  );
}

export function Refused(props: { why: ApiError }) {
  return <Panel title={t.login.loopback} class="narrow"><Problem of={props.why} retry={() => void begin()} /></Panel>;
}
