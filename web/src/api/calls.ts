// Each question and each action of the page, in the shapes that it draws.
import { ask } from './client';
import type { Bundle, Finding, Import as ImportReport, Incident as IncidentLine, Scope, Session, Setting } from './types';

const base = '/corral/v1';
const patient = 120_000; // milliseconds: an import reads all files of a package

export interface Capabilities {
  completion: boolean;
  thinking: boolean;
  tools: boolean;
  vision: boolean;
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

/** Names of models as Ollama's clients see them. */
export async function modelNames(signal?: AbortSignal): Promise<string[]> {
  const answer = await ask<{ models: { name: string }[] }>('/api/tags', { signal });
  return answer.models.map((model) => model.name);
}

export async function capabilities(model: string, signal?: AbortSignal): Promise<Capabilities> {
  const answer = await ask<{ capabilities?: string[] }>('/api/show', { method: 'POST', body: { model }, signal });
  const has = (one: string) => answer.capabilities?.includes(one) ?? false;
  return { completion: has('completion'), thinking: has('thinking'), tools: has('tools'), vision: has('vision') };
}

export type ModelAction = 'load' | 'unload' | 'restart' | 'pin' | 'unpin' | 'remove';

export async function act(model: string, action: ModelAction): Promise<void> {
  await ask(`${base}/models/${action}`, { method: 'POST', body: { model }, within: patient });
}

export function importFolder(folder: string, name: string, write: boolean): Promise<ImportReport> {
  return ask<ImportReport>(`${base}/models/import`, {
    method: 'POST', body: { folder, name: name === '' ? undefined : name, dry_run: !write }, within: patient,
  });
}

export async function examine(signal: AbortSignal): Promise<{ at: string; findings: Finding[] }> {
  return await ask<{ at: string; findings: Finding[] }>(`${base}/doctor`, { method: 'POST', body: {}, signal, within: patient });
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
