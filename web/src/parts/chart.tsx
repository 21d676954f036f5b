// A line over the last minutes, by uPlot. Its colours are the page's own, so that dark and light both hold.
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { clockTime, rounded } from '../format';

export interface Point {
  at: number; // seconds since 1970
  value: number;
}

const shownSeconds = 300;

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function options(width: number, height: number): uPlot.Options {
  const axis = { stroke: () => colour('--quiet'), grid: { stroke: () => colour('--line'), width: 1 }, ticks: { show: false } };
  return {
    width, height, legend: { show: false }, cursor: { show: false }, padding: [8, 20, 0, 0],
    scales: { x: { time: true, range: () => [Date.now() / 1000 - shownSeconds, Date.now() / 1000] }, y: { range: (_, __, max) => [0, Math.max(1, max * 1.1)] } },
    axes: [{ ...axis, space: 90, size: 28, values: (_, ticks) => ticks.map((tick) => clockTime(new Date(tick * 1000))) }, { ...axis, size: 36, values: (_, ticks) => ticks.map((tick) => rounded(tick)) }],
    series: [{}, { stroke: () => colour('--accent'), width: 2, points: { show: false }, fill: () => colour('--accent-faint') }],
  };
}

// One for all charts: a browser keeps what it was asked for as long as the page lives.
const scheme = matchMedia('(prefers-color-scheme: dark)');

export function Chart(props: { label: string; points: Point[]; height?: number }) {
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const height = props.height ?? 120;
  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const drawn = new uPlot(options(Math.max(100, element.clientWidth), height), [[], []], element);
    plot.current = drawn;
    const resize = new ResizeObserver(() => drawn.setSize({ width: Math.max(100, element.clientWidth), height }));
    resize.observe(element);
    const redraw = () => drawn.redraw();
    scheme.addEventListener('change', redraw);
    return () => {
      resize.disconnect();
      scheme.removeEventListener('change', redraw);
      drawn.destroy();
      plot.current = null;
    };
  }, [height]);
  useEffect(() => {
    plot.current?.setData([props.points.map((point) => point.at), props.points.map((point) => point.value)]);
  }, [props.points, height]);
  const last = props.points.at(-1);
  return <div class="chart" ref={frame} role="img" aria-label={`${props.label}: ${last ? rounded(last.value) : '–'}`}
    data-height={height} />;
}
