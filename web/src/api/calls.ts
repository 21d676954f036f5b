// Each question and each action of the page, in the shapes that it draws.
import { ask, jsonLines, open } from './client';
import type {
  Bundle, Catalogue, Finding, Import as ImportReport, Incident as IncidentLine, Packages, PullLine, Scope, Session, Setting, Speeds,
} from './types';

export type { PullLine };

const base = '/corral/v1';
const patient = 120_000; // milliseconds: an import reads all files of a package

export interface Capabilities {
  completion: boolean;
  thinking: boolean;
  tools: boolean;
  vision: boolean;
  /** Tokens of a conversation that the model sees; null: nobody has said. */
  window: number | null;
}

export function session(signal?: AbortSignal): Promise<Session> {
  return ask<Session>(`${base}/session`, { signal });
}

export function login(key: string): Promise<Session> {
  return ask<Session>(`${base}/session`, { method: 'POST', body: { key } });
}

export function logout(): Promise<void> {
  return ask<void>(`${base}/session`, { method: 'DELETE' });
}

/** Names of the models that chat, as Ollama's clients see them. */
export async function modelNames(signal?: AbortSignal): Promise<string[]> {
  const answer = await ask<{ models: { name: string; capabilities?: string[] }[] }>('/api/tags', { signal });
  // Where nobody has said it, it may chat.
  return answer.models.filter(({ capabilities: can = [] }) => can.length === 0 || can.includes('completion')).map((model) => model.name);
}

export async function capabilities(model: string, signal?: AbortSignal): Promise<Capabilities> {
  const answer = await ask<{ capabilities?: string[]; model_info?: Record<string, unknown> }>('/api/show', { method: 'POST', body: { model }, signal });
  const [, window] = Object.entries(answer.model_info ?? {}).find(([key]) => key.endsWith('.context_length')) ?? [];
  const has = (one: string) => answer.capabilities?.includes(one) ?? false;
  return { completion: has('completion'), thinking: has('thinking'), tools: has('tools'), vision: has('vision'),
    window: typeof window === 'number' && window > 0 ? window : null };
}

export type ModelAction = 'load' | 'unload' | 'restart' | 'pin' | 'unpin';

export async function act(model: string, action: ModelAction): Promise<void> {
  await ask(`${base}/models/${action}`, { method: 'POST', body: { model }, within: patient });
}

export function importFolder(folder: string, name: string, write: boolean): Promise<ImportReport> {
  return ask<ImportReport>(`${base}/models/import`, {
    method: 'POST', body: { folder, name: name === '' ? undefined : name, dry_run: !write }, within: patient,
  });
}

/** `files`: also what a pull brought. */
export async function removeModel(model: string, files: boolean): Promise<void> {
  await ask(`${base}/models/remove`, { method: 'POST', body: { model, files }, within: patient });
}

export function catalogue(signal: AbortSignal): Promise<Catalogue> {
  return ask<Catalogue>(`${base}/catalogue`, { signal, within: patient });
}

export function packages(signal: AbortSignal): Promise<Packages> {
  return ask<Packages>(`${base}/packages`, { signal, within: patient });
}

export async function* pullModel(model: string, signal: AbortSignal): AsyncGenerator<PullLine> {
  yield* jsonLines<PullLine>(await open(`${base}/models/pull`, { method: 'POST', body: { model }, signal }));
}

export async function examine(signal: AbortSignal): Promise<{ at: string; findings: Finding[] }> {
  return await ask<{ at: string; findings: Finding[] }>(`${base}/doctor`, { method: 'POST', body: {}, signal, within: patient });
}

export async function speeds(signal: AbortSignal): Promise<Speeds['models']> {
  return (await ask<Speeds>(`${base}/speeds`, { signal })).models;
}

export async function incidents(signal: AbortSignal): Promise<IncidentLine[]> {
  return (await ask<{ incidents: IncidentLine[] }>(`${base}/incidents`, { signal })).incidents;
}

export function incident(name: string, signal: AbortSignal): Promise<Bundle> {
  return ask<Bundle>(`${base}/incidents/${encodeURIComponent(name)}`, { signal });
}

export interface KeyList {
  enabled: boolean;
  keys: { name: string; scopes: Scope[]; made_by: string | null }[];
}

export function keys(signal: AbortSignal): Promise<KeyList> {
  return ask<KeyList>(`${base}/keys`, { signal });
}

export function createKey(name: string, scopes: Scope[]): Promise<{ name: string; key: string }> {
  return ask<{ name: string; key: string }>(`${base}/keys`, { method: 'POST', body: { name, scopes } });
}

export async function revokeKey(name: string): Promise<void> {
  await ask(`${base}/keys/${encodeURIComponent(name)}`, { method: 'DELETE' });
}

export async function settings(signal: AbortSignal): Promise<Setting[]> {
  return (await ask<{ settings: Setting[] }>(`${base}/settings`, { signal })).settings;
}
