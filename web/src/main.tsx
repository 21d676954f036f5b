import { render, type ComponentType } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { logout } from './api/calls';
import type { Scope } from './api/types';
import { access, begin, connection, end, news, session } from './live';
import { begin as beginChat } from './chat_store';
import { Badge, Guard } from './parts/basics';
import { visible } from './parts/ansi';
import { ChatPage } from './pages/chat';
import { Health } from './pages/health';
import { Incidents } from './pages/incidents';
import { Keys } from './pages/keys';
import { Login, Refused } from './pages/login';
import { Logs } from './pages/logs';
import { Models } from './pages/models';
import { Overview } from './pages/overview';
import { Requests } from './pages/requests';
import { Settings } from './pages/settings';
import { useStore } from './store';
import { t } from './texts';

type Name = keyof typeof t.pages;

const pages: Record<Name, { view: ComponentType; scope: Scope }> = {
  overview: { view: Overview, scope: 'observe' },
  chat: { view: ChatPage, scope: 'inference' },
  requests: { view: Requests, scope: 'observe' },
  models: { view: Models, scope: 'observe' },
  logs: { view: Logs, scope: 'observe' },
  incidents: { view: Incidents, scope: 'observe' },
  health: { view: Health, scope: 'observe' },
  keys: { view: Keys, scope: 'operate' },
  settings: { view: Settings, scope: 'observe' },
};
const names = Object.keys(pages) as Name[];

function wanted(): Name | null {
  const name = location.hash.replace(/^#\/?/, '');
  return name in pages ? (name as Name) : null;
}

function usePage(): Name {
  const scopes = useStore(session).scopes;
  const [name, setName] = useState(wanted());
  useEffect(() => {
    const look = () => setName(wanted());
    addEventListener('hashchange', look);
    return () => removeEventListener('hashchange', look);
  }, []);
  // A key that may only chat begins there.
  return name ?? (scopes.includes('observe') ? 'overview' : 'chat');
}

function Navigation(props: { page: Name }) {
  const scopes = useStore(session).scopes;
  const list = useRef<HTMLUListElement>(null);
  // On a phone the row of pages is longer than the window.
  useEffect(() => {
    const row = list.current;
    const here = row?.querySelector<HTMLElement>('[aria-current]');
    if (row && here) row.scrollLeft = here.offsetLeft - (row.clientWidth - here.offsetWidth) / 2;
  }, [props.page]);
  return (
    <nav aria-label={t.navigation}>
      <ul ref={list}>
        {names.filter((name) => scopes.includes(pages[name].scope)).map((name) => (
          <li key={name}><a href={`#/${name}`} aria-current={name === props.page ? 'page' : undefined}>{t.pages[name]}</a></li>
        ))}
      </ul>
    </nav>
  );
}

function Head(props: { page: Name; inside: boolean }) {
  const state = useStore(connection);
  const who = useStore(session);
  const told = useStore(news);
  const name = visible(who.box || t.product);
  const leave = async () => {
    await logout().catch((error: unknown) => console.warn(error));
    end();
    location.hash = '';
    void begin();
  };
  const level = state === 'live' ? 'good' : state === 'lost' ? 'error' : 'idle';
  const word = state === 'live' ? t.connection.live : state === 'lost' ? t.connection.lost : t.connection.connecting;
  return (
    <header>
      <p class="brand"><img src="/ui/logo.svg" alt="" />{name}</p>
      {props.inside && <Navigation page={props.page} />}
      <div class="who">
        <span role="status" class="connection" title={t.connection.meaning} data-state={state}><Badge level={level}>{word}</Badge></span>
        {props.inside && who.key != null && (
          <><span class="quiet">{t.login.as(visible(who.key))}</span><button type="button" onClick={() => void leave()}>{t.login.out}</button></>
        )}
      </div>
      <div class="news" role="status">
        {told !== '' && <p>{told} <button type="button" class="link" onClick={() => news.set('')}>{t.close}</button></p>}
      </div>
    </header>
  );
}

/** A page that this key does not open, and the one that it does. */
function Denied(props: { scope: Scope }) {
  const scopes = useStore(session).scopes;
  const other = names.find((name) => scopes.includes(pages[name].scope));
  return (
    <section class="welcome">
      <h2>{t.login.denied(props.scope)}</h2>
      {other && <a class="button-like primary" href={`#/${other}`}>{t.login.to(t.pages[other])}</a>}
    </section>
  );
}

function App() {
  const may = useStore(access);
  const who = useStore(session);
  const page = usePage();
  const main = useRef<HTMLElement>(null);
  const drawn = useRef(page);
  useEffect(() => {
    document.title = `${t.pages[page]} – ${visible(who.box || t.product)}`;
    if (drawn.current === page) return;
    drawn.current = page;
    main.current?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, [page, who.box]);
  const { view: View, scope } = pages[page];
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); main.current?.focus(); }}>{t.skip}</a>
      <Head page={page} inside={may.kind === 'in'} />
      <main id="main" ref={main} tabIndex={-1}>
        <h1 class="sr-only">{t.pages[page]}</h1>
        {may.kind === 'login' && <Login />}
        {may.kind === 'refused' && <Refused why={may.why} />}
        {may.kind === 'in' && (who.scopes.includes(scope) ? <Guard key={page} title={t.pages[page]}><View /></Guard> : <Denied scope={scope} />)}
      </main>
    </>
  );
}

render(<App />, document.getElementById('app')!);
void begin();
void beginChat();
