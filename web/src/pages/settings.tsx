import { useMemo, useState } from 'preact/hooks';
import { settings } from '../api/calls';
import { dash } from '../format';
import type { Setting } from '../api/types';
import { visible } from '../parts/ansi';
import { Empty, Loading, Panel, Problem, TableFrame, useLoaded } from '../parts/basics';
import { t } from '../texts';

/** The file by its name; the whole path is there on hover. */
function originOf(one: Setting): string {
  if (one.file == null) return t.settings.origins[one.origin] ?? one.origin;
  const name = visible(one.file.slice(one.file.lastIndexOf('/') + 1));
  return one.line == null ? name : t.settings.line(name, one.line);
}

/** What TOML writes for nothing. */
const nothing = new Set(["''", '""', '[]']);

function Rows(props: { of: Setting[] }) {
  return (
    <TableFrame label={t.settings.title}>
      <table class="stacked">
        <thead><tr><th scope="col">{t.settings.key}</th><th scope="col">{t.settings.value}</th><th scope="col">{t.settings.origin}</th></tr></thead>
        <tbody>
          {props.of.map((one) => (
            <tr key={`${one.key} ${one.file} ${one.line} ${one.origin}`}>
              <th scope="row" class="name"><code>{visible(one.key)}</code></th>
              <td data-label={t.settings.value}>{nothing.has(one.value) ? dash : <code>{visible(one.value)}</code>}</td>
              <td data-label={t.settings.origin} class="quiet origin" title={one.file == null ? undefined : visible(one.file)}>{originOf(one)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </TableFrame>
  );
}

export function Settings() {
  const { value, error, load } = useLoaded((signal) => settings(signal), []);
  const [words, setWords] = useState('');
  const rows = useMemo(() => {
    const wanted = words.toLowerCase().split(/\s+/).filter((word) => word !== '');
    return (value ?? []).filter((one) => wanted.every((word) => `${one.key} ${one.value} ${one.file ?? ''} ${originOf(one)}`.toLowerCase().includes(word)));
  }, [value, words]);
  const set = rows.filter((one) => one.origin !== 'default');
  const defaults = rows.filter((one) => one.origin === 'default');
  return (
    <Panel title={t.settings.title}>
      <p class="quiet">{t.settings.note}</p>
      <Problem of={error} retry={load} />
      {!value && !error && <Loading />}
      {value && (
        <>
          <label class="filter">{t.settings.filter}<input type="search" value={words} onInput={(event) => setWords(event.currentTarget.value)} /></label>
          {rows.length === 0 && <Empty>{t.settings.none}</Empty>}
          {rows.length > 0 && set.length === 0 && words === '' && <Empty>{t.settings.unset}</Empty>}
          {set.length > 0 && <Rows of={set} />}
          {defaults.length > 0 && <details open={words !== ''}><summary>{t.settings.defaults(defaults.length)}</summary><Rows of={defaults} /></details>}
        </>
      )}
    </Panel>
  );
}
