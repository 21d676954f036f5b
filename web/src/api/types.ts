// What the box answers below /corral/v1, as docs/dashboard.md and /corral/v1/openapi.json describe it. Only fields that the page
// reads; any may be missing on an older Corral, so what is not essential is optional.

export interface Load {
  progress_percent: number | null;
  left_seconds: number | null;
}

export interface Service extends Load {
  name: string;
  state: string;
  since: string;
  for_seconds: number;
  pid: number | null;
  starts: number;
  reason: string;
  causes: string[];
  advice: string;
  next_try_seconds: number | null;
  warning: string;
}

export interface Model extends Load {
  name: string;
  model: string;
  state: string;
  reason: string;
  warning: string;
  waits: string;
  pinned: boolean;
  memory: { cards: (number | string)[]; mb: number; measured: boolean; after_unload: string };
  learned: { positions: number | null; load_seconds: number | null; parameter_size: string; quantization: string };
  queue: { waiting: number; running: number };
  tokens_per_second?: number | null;
  aliases: string[];
  source: string;
  services: Service[];
}

export interface Card {
  card: number | string;
  name: string;
  temperature_c: number | null;
  cpu_percent: number | null;
  npu_percent: number | null;
  memory_used_mb: number | null;
  memory_total_mb: number | null;
}

export interface Device {
  tool: string;
  age_seconds: number | null;
  problem?: string;
  cards?: Card[];
}

export interface Status {
  version: string;
  pid: number;
  uptime_seconds: number;
  reloads: number;
  shutting_down: boolean;
  drained: boolean;
  upgrade: { under_way: boolean; status: string; failure: string };
  queue: { waiting: number; running: number };
  devices: Device[];
  configuration: string;
  log_content: boolean;
  closed: string[];
  left_out: { file: string; name: string; problems: string[] }[];
  in_place?: { served: string; problems: string[] } | null;
  models: Model[];
}

export interface Waiting {
  id: string;
  model: string;
  position: number | null;
  waited_seconds: number;
  estimate_seconds: number | null;
}

/** A part of a request's time, in milliseconds since its arrival. */
export interface Stage {
  name: string;
  begin_ms: number;
  length_ms: number;
}

export interface RequestShape {
  id: string;
  model: string;
  arrived: string;
  messages: number;
  tools: number;
  pieces: number;
  outcome: string; // "running" while it runs
  prompt_tokens: number | null;
  answer_tokens: number | null;
  total_ms: number | null; // null while it runs
  stages: Stage[];
}

export interface RequestList {
  waiting: Waiting[];
  running: RequestShape[];
  recent: RequestShape[];
}

export interface Finding {
  id: string;
  severity: string;
  subject: string;
  what: string;
  why: string;
  fix: string;
}

export interface ImportReport {
  status: number; // as of `corral import`
  model: string;
  manifest: string;
  written: boolean;
  findings: Finding[];
}

export interface IncidentLine {
  name: string;
  time: string;
  model: string;
  kind: string;
  service: string;
  sentence: string;
}

export interface Step {
  time: string;
  service: string;
  from: string;
  to: string;
  event: string;
  reason: string;
  advice: string;
  pid: number;
  failure?: string;
}

export interface PastRequest {
  id: string | number;
  outcome?: string;
  pieces?: number;
  silent_for_ms?: number;
}

/** A crash bundle: docs/black_box.md. */
export interface Bundle {
  time: string;
  model: string;
  kind: string;
  trigger: { time: string; service: string; sentence: string; advice: string; pid: number };
  services: { name: string; lines: string[] }[];
  history: Step[];
  requests: { inside: PastRequest[]; finished: PastRequest[] };
}

export type Scope = 'inference' | 'observe' | 'operate' | 'pull';

export interface Session {
  scopes: Scope[];
  key: string | null; // null: the box asks for no keys
}

export interface Setting {
  key: string;
  value: string;
  origin: 'file' | 'environment' | 'default';
  file: string | null;
  line: number | null;
}
