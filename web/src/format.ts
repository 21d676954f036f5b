// Figures and times as people read them. A missing value is a dash, so that columns keep their places.
import { t } from './texts';

const locale = undefined; // the reader's own

export const dash = '–';

export function count(value: number | null | undefined): string {
  return value == null ? dash : new Intl.NumberFormat(locale).format(value);
}

/** One decimal below 100, none above. */
export function rounded(value: number | null | undefined): string {
  if (value == null || !Number.isFinite(value)) return dash;
  const digits = Math.abs(value) < 100 && !Number.isInteger(value) ? 1 : 0;
  return new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
}

/** Seconds as "0.4 s", "12 s", "3 min 20 s", "2 h 5 min", "3 d 4 h". */
export function duration(seconds: number | null | undefined): string {
  if (seconds == null || !Number.isFinite(seconds)) return dash;
  const of = Math.max(0, seconds);
  if (of < 10) return `${rounded(Math.round(of * 10) / 10)} ${t.units.s}`;
  const whole = Math.round(of);
  if (whole < 60) return `${whole} ${t.units.s}`;
  const [minutes, hours, days] = [Math.floor(whole / 60), Math.floor(whole / 3600), Math.floor(whole / 86400)];
  if (hours === 0) return pair(minutes, t.units.min, whole % 60, t.units.s);
  if (days === 0) return pair(hours, t.units.h, minutes % 60, t.units.min);
  return pair(days, t.units.d, hours % 24, t.units.h);
}

function pair(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

export function milliseconds(value: number | null | undefined): string {
  if (value == null) return dash;
  return value < 1000 ? `${Math.round(value)} ${t.units.ms}` : duration(value / 1000);
}

export function bytes(value: number | null | undefined): string {
  if (value == null) return dash;
  const units = [t.units.B, t.units.kB, t.units.MB, t.units.GB, t.units.TB];
  let unit = 0;
  let rest = value;
  while (rest >= 1000 && unit < units.length - 1) {
    rest /= 1000;
    unit++;
  }
  return `${rounded(rest)} ${units[unit]}`;
}

export function megabytes(value: number | null | undefined): string {
  return value == null ? dash : `${count(Math.round(value))} ${t.units.MB}`;
}

export function percent(value: number | null | undefined): string {
  return value == null ? dash : `${Math.round(value)} %`;
}

/** As a sentence begins; a command stays as it is typed. */
export function asSentence(text: string): string {
  return /^(?!corral |sudo |systemctl )[a-z]+[ ,;]/.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
}

/** Hours and minutes, as at the foot of a chart. */
export function clockTime(at: Date): string {
  return at.toLocaleTimeString(locale, { hour: '2-digit', minute: '2-digit', hour12: false });
}

/** Of today the time, of other days the day. */
export function dayOrTime(at: Date): string {
  return new Date().toDateString() === at.toDateString() ? clockTime(at) : at.toLocaleDateString(locale, { day: 'numeric', month: 'short' });
}

/** Today's times without the date. */
export function localTime(at: Date, precise = false): string {
  const today = new Date().toDateString() === at.toDateString();
  const clock = at.toLocaleTimeString(locale, {
    hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false,
    ...(precise ? { fractionalSecondDigits: 3 as const } : {}),
  });
  return today ? clock : `${at.toLocaleDateString(locale, { year: 'numeric', month: '2-digit', day: '2-digit' })} ${clock}`;
}

export function utcTime(at: Date): string {
  return `${at.toISOString().replace('T', ' ').replace('Z', '')} UTC`;
}
