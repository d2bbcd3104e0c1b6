// SPDX-License-Identifier: LGPL-2.1-or-later
// Charts in SVG. Everything from the data becomes text nodes or attributes, never markup.
'use strict';

const SVG = 'http://www.w3.org/2000/svg';

/** An element with attributes and children (nodes or text). */
function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value !== undefined && value !== null) node.setAttribute(name, value);
  }
  node.append(...children.filter(child => child !== null && child !== undefined));
  return node;
}

function svg(tag, attributes, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value !== undefined && value !== null) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

const isNumber = value => typeof value === 'number' && Number.isFinite(value);

/** Four digits that matter. */
function short(value) {
  if (!isNumber(value)) return '–';
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size >= 1e6 || size < 1e-4) return value.toExponential(2);
  if (size >= 1000) return Math.round(value).toLocaleString('en');
  return String(Number(value.toPrecision(4)));
}

const percent = value => isNumber(value) ? `${Number((100 * value).toFixed(1))} %` : '–';

/** A scale from data to pixels with its ticks. */
function scale(low, high, from, to, log) {
  if (log) {
    const a = Math.log10(low), b = Math.log10(high);
    const map = value => from + (Math.log10(Math.max(value, low)) - a) / (b - a || 1) * (to - from);
    return {map, ticks: logTicks(low, high), low, high};
  }
  const map = value => from + (value - low) / (high - low || 1) * (to - from);
  return {map, ticks: linearTicks(low, high, 5), low, high};
}

function linearTicks(low, high, count) {
  const raw = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map(m => m * power).find(s => s >= raw * 0.999);
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; ++i) ticks.push(Number((i * step).toPrecision(12)));
  return ticks;
}

function logTicks(low, high) {
  const few = high / low < 100 ? [1, 2, 5] : [1];
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); ++power) {
    for (const m of few) {
      const tick = Number((m * 10 ** power).toPrecision(3));
      if (tick >= low * 0.999 && tick <= high * 1.001) ticks.push(tick);
    }
  }
  const stride = Math.ceil(ticks.length / 7);
  return ticks.filter((_, i) => i % stride === 0);
}

/** The least and largest of the numbers, widened a little; `log` looks at those above zero. */
function extent(lists, log) {
  let low = Infinity, high = -Infinity;
  for (const list of lists) {
    for (const value of list) {
      if (!isNumber(value) || (log && value <= 0)) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  if (low > high) return log ? [0.1, 1] : [0, 1];
  if (log) return low === high ? [low / 2, high * 2] : [low / 1.15, high * 1.15];
  if (low === high) return [low - Math.abs(low) * 0.1 - 1e-9, high + Math.abs(high) * 0.1 + 1e-9];
  const room = (high - low) * 0.06;
  return [low >= 0 && low < (high - low) * 0.5 ? 0 : low - room, high + room];
}

/** The place of the number nearest to x in a rising list. */
function nearestIndex(xs, x) {
  let low = 0, high = xs.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (xs[middle] < x) low = middle; else high = middle;
  }
  return Math.abs(xs[low] - x) <= Math.abs(xs[high] - x) ? low : high;
}

/** A card with a head, a plot that is drawn anew when its width changes, and a tooltip. */
function plotCard(id, title, height, draw) {
  const head = el('div', {class: 'head'}, el('h3', {}, title));
  const area = el('div', {class: 'plot'});
  const tip = el('div', {class: 'tip', hidden: ''});
  const card = el('section', {class: 'card', 'data-chart': id}, head, area);
  const drawn = {card, head, area, tip, width: 0};
  drawn.redraw = () => {
    if (drawn.width < 1) return;
    tip.hidden = true;
    area.replaceChildren(draw(drawn.width, typeof height === 'function' ? height(drawn.width) : height), tip);
  };
  new ResizeObserver(entries => {
    const width = Math.floor(entries[0].contentRect.width);
    if (width === drawn.width) return;
    drawn.width = width;
    requestAnimationFrame(drawn.redraw);  // Not in here: it would change what is observed.
  }).observe(area);
  return drawn;
}

/** Puts the tooltip beside (x, y), inside its plot. */
function showTip(plot, x, y, ...content) {
  plot.tip.replaceChildren(...content);
  plot.tip.hidden = false;
  const width = plot.tip.offsetWidth, height = plot.tip.offsetHeight;
  const left = x + 14 + width > plot.width ? x - 14 - width : x + 14;
  plot.tip.style.left = `${Math.max(Math.min(left, plot.width - width), 0)}px`;
  plot.tip.style.top = `${Math.max(y - height / 2, -20)}px`;
}

function tipRow(color, name, value) {
  const dot = el('span', {class: 'dot'});
  dot.style.background = color;
  return el('div', {class: 'row'}, dot, el('span', {}, name), el('b', {}, value));
}

/** Follows pointer and finger over an SVG; `leave` when they are gone. */
function follow(node, move, leave) {
  const at = event => {
    const box = node.getBoundingClientRect();
    move(event.clientX - box.left, event.clientY - box.top, event);
  };
  node.addEventListener('pointermove', at);
  node.addEventListener('pointerdown', at);
  node.addEventListener('pointerleave', leave);
  node.addEventListener('pointercancel', leave);
}

const MARGIN = {left: 46, right: 10, top: 8, bottom: 32};

/** Axes, grid and labels into `root`. */
function drawAxes(root, x, y, width, height, options) {
  const bottom = height - MARGIN.bottom, right = width - MARGIN.right;
  const xFormat = options.xFormat || short, yFormat = options.yFormat || short;
  for (const tick of y.ticks) {
    root.append(svg('line', {class: 'gridline', x1: MARGIN.left, x2: right, y1: y.map(tick), y2: y.map(tick)}),
                svg('text', {x: MARGIN.left - 6, y: y.map(tick) + 4, 'text-anchor': 'end'}, yFormat(tick)));
  }
  const room = Math.max(1, Math.floor((right - MARGIN.left) / 48));
  const stride = Math.ceil(x.ticks.length / room);
  x.ticks.filter((_, i) => i % stride === 0).forEach(tick => {
    root.append(svg('text', {x: x.map(tick), y: bottom + 15, 'text-anchor': 'middle'}, xFormat(tick)));
  });
  root.append(svg('line', {class: 'axis', x1: MARGIN.left, x2: right, y1: bottom, y2: bottom}),
              svg('text', {x: right, y: height - 3, 'text-anchor': 'end'}, options.xLabel || ''));
}

/** "M…L…" through the points; a gap where one is missing. */
function pathOf(xs, ys, x, y, log) {
  let path = '', pen = false;
  for (let i = 0; i < xs.length; ++i) {
    if (!isNumber(ys[i]) || (log && ys[i] <= 0)) { pen = pen && ys[i] === null; continue; }
    path += `${pen ? 'L' : 'M'}${x.map(xs[i]).toFixed(1)} ${y.map(ys[i]).toFixed(1)}`;
    pen = true;
  }
  return path;
}

function bandOf(series, x, y, log) {
  const there = series.xs.map((_, i) => i).filter(i => isNumber(series.low[i]) && isNumber(series.high[i]) && !(log && series.low[i] <= 0));
  if (there.length < 2) return '';
  const up = there.map(i => `${x.map(series.xs[i]).toFixed(1)} ${y.map(series.high[i]).toFixed(1)}`);
  const down = there.reverse().map(i => `${x.map(series.xs[i]).toFixed(1)} ${y.map(series.low[i]).toFixed(1)}`);
  return `M${up.join('L')}L${down.join('L')}Z`;
}

/**
 * Lines over a common x. options: id, title, hint, series (each: run, name, color, dash, xs, ys, and low and high
 * for a band, dots for points that are marked), shown(run), xLabel, xFormat, yFormat, tipX, xLog, xDomain,
 * yDomain, log (true, false; undefined: no switch), marks ({run, x, y, color, name, value}), events ({run, x, text}).
 */
function lineChart(options) {
  const state = {log: options.log === true};
  const visible = () => options.series.filter(s => options.shown(s.run));
  const plot = plotCard(options.id, options.title, options.height || 210, (width, height) => drawLines(plot, options, state, visible(), width, height));
  if (options.log !== undefined) {
    const button = el('button', {type: 'button', 'aria-pressed': String(state.log), title: 'Logarithmic axis'}, 'log');
    button.addEventListener('click', () => {
      state.log = !state.log;
      button.setAttribute('aria-pressed', String(state.log));
      plot.redraw();
    });
    plot.head.append(button);
  }
  if (options.key) plot.card.append(keyOf(options.key));
  if (options.hint) plot.card.append(el('p', {class: 'hint'}, options.hint));
  return plot;
}

/** What the line styles mean: entries {name, color, dash}. */
function keyOf(entries) {
  return el('div', {class: 'key'}, ...entries.map(entry => el('span', {},
    svg('svg', {width: 22, height: 8, style: 'width:22px'},
        svg('line', {x1: 0, x2: 22, y1: 4, y2: 4, style: `stroke:${entry.color}`, 'stroke-width': 2.2, 'stroke-dasharray': entry.dash})),
    entry.name)));
}

function drawLines(plot, options, state, series, width, height) {
  const root = svg('svg', {class: 'chart', viewBox: `0 0 ${width} ${height}`, height, role: 'img', 'aria-label': options.title});
  const [x0, x1] = options.xDomain || extent(series.map(s => s.xs), options.xLog);
  const [y0, y1] = options.yDomain && !state.log ? options.yDomain
      : extent(series.flatMap(s => [s.ys, s.low || [], s.high || []]), state.log);
  const x = scale(x0, x1, MARGIN.left, width - MARGIN.right, options.xLog);
  const y = scale(y0, y1, height - MARGIN.bottom, MARGIN.top, state.log);
  drawAxes(root, x, y, width, height, options);
  for (const event of (options.events || []).filter(e => options.shown(e.run))) {
    const place = x.map(event.x);
    root.append(svg('line', {class: 'warn', x1: place, x2: place, y1: MARGIN.top, y2: height - MARGIN.bottom}),
                svg('text', {x: place, y: MARGIN.top + 9, 'text-anchor': 'middle', style: 'fill:var(--bad)'}, '⚠'));
  }
  for (const s of series) {
    if (s.low) root.append(svg('path', {d: bandOf(s, x, y, state.log), style: `fill:${s.color}`, 'fill-opacity': 0.13}));
    root.append(svg('path', {d: pathOf(s.xs, s.ys, x, y, state.log), fill: 'none', style: `stroke:${s.color}`, 'stroke-width': s.thin ? 1.2 : 2,
                             'stroke-dasharray': s.dash, 'stroke-linejoin': 'round', 'stroke-linecap': 'round'}));
    const points = s.xs.length === 1 ? [0] : s.dots || [];
    for (const i of points.filter(i => isNumber(s.ys[i])))
      root.append(svg('circle', {cx: x.map(s.xs[i]), cy: y.map(s.ys[i]), r: 4, style: `stroke:${s.color};fill:var(--card)`, 'stroke-width': 2}));
  }
  for (const mark of (options.marks || []).filter(m => options.shown(m.run))) {
    root.append(svg('circle', {class: 'mark', cx: x.map(mark.x), cy: y.map(mark.y), r: 5.5, style: `fill:${mark.color};stroke:var(--card)`, 'stroke-width': 2}));
  }
  hoverLines(plot, root, options, series, x, y, height, state.log);
  return root;
}

function hoverLines(plot, root, options, series, x, y, height, log) {
  const guide = svg('line', {class: 'guide', y1: MARGIN.top, y2: height - MARGIN.bottom, visibility: 'hidden'});
  const dots = svg('g');
  root.append(guide, dots);
  const spots = series.map(s => s.xs.map(v => x.map(v)));
  follow(root, (px, py) => {
    if (series.length === 0) return;
    // The guide stands at the nearest point of all lines.
    let best = null;
    spots.forEach((list, k) => {
      const i = nearestIndex(list, px);
      if (list.length > 0 && (best === null || Math.abs(list[i] - px) < Math.abs(best.px - px))) best = {px: list[i], x: series[k].xs[i]};
    });
    if (best === null) return;
    guide.setAttribute('x1', best.px);
    guide.setAttribute('x2', best.px);
    guide.setAttribute('visibility', 'visible');
    const rows = [];
    dots.replaceChildren();
    series.forEach((s, k) => {
      const i = nearestIndex(spots[k], best.px);
      if (!isNumber(s.ys[i]) || Math.abs(spots[k][i] - best.px) > 24) return;
      if (!log || s.ys[i] > 0) dots.append(svg('circle', {cx: spots[k][i], cy: y.map(s.ys[i]), r: 3.5, style: `fill:${s.color}`}));
      const format = options.yFormat || short;
      const range = s.low && isNumber(s.low[i]) ? ` (${format(s.low[i])} – ${format(s.high[i])})` : '';
      rows.push(tipRow(s.color, s.name, (options.yTip || format)(s.ys[i], s, i) + range));
    });
    for (const event of (options.events || []).filter(e => options.shown(e.run) && Math.abs(x.map(e.x) - best.px) < 8))
      rows.push(el('div', {}, `⚠ ${event.text}`));
    for (const mark of (options.marks || []).filter(m => options.shown(m.run) && Math.hypot(x.map(m.x) - px, y.map(m.y) - py) < 14))
      rows.push(tipRow(mark.color, mark.name, mark.value));
    showTip(plot, best.px, py, el('div', {}, (options.tipX || (v => `epoch ${short(v)}`))(best.x)), ...rows);
  }, () => {
    plot.tip.hidden = true;
    guide.setAttribute('visibility', 'hidden');
    dots.replaceChildren();
  });
}

/** Two kinds of distances as shares of each kind, and the threshold. */
function histogramChart(id, title, evaluation) {
  const {high, genuine, impostor} = evaluation.histogram;
  const share = counts => {
    const all = counts.reduce((a, b) => a + b, 0) || 1;
    return counts.map(count => count / all);
  };
  const kinds = [{name: 'different identities', color: 'var(--bad)', counts: impostor, shares: share(impostor)},
                 {name: 'same identity', color: 'var(--good)', counts: genuine, shares: share(genuine)}];
  const bins = genuine.length;
  const plot = plotCard(id, title, 240, (width, height) => {
    const root = svg('svg', {class: 'chart', viewBox: `0 0 ${width} ${height}`, height, role: 'img', 'aria-label': title});
    const x = scale(0, high, MARGIN.left, width - MARGIN.right, false);
    const y = scale(0, Math.max(...kinds.flatMap(k => k.shares)) * 1.08, height - MARGIN.bottom, MARGIN.top, false);
    drawAxes(root, x, y, width, height, {xLabel: `${evaluation.metric} distance`, yFormat: percent});
    for (const kind of kinds) {
      let path = `M${x.map(0)} ${y.map(0)}`;
      kind.shares.forEach((value, i) => { path += `V${y.map(value).toFixed(1)}H${x.map((i + 1) * high / bins).toFixed(1)}`; });
      root.append(svg('path', {d: `${path}V${y.map(0)}Z`, style: `fill:${kind.color};stroke:${kind.color}`, 'fill-opacity': 0.28, 'stroke-width': 1.4}));
    }
    if (isNumber(evaluation.threshold)) {
      const place = x.map(Math.min(evaluation.threshold, high));
      const left = place > width * 0.7;
      root.append(svg('line', {class: 'threshold', x1: place, x2: place, y1: MARGIN.top, y2: height - MARGIN.bottom, style: 'stroke:var(--ink)', 'stroke-width': 1.5, 'stroke-dasharray': '5 3'}),
                  svg('text', {x: place + (left ? -6 : 6), y: MARGIN.top + 10, 'text-anchor': left ? 'end' : 'start', style: 'fill:var(--ink)'}, `threshold ${short(evaluation.threshold)}`));
    }
    follow(root, (px, py) => {
      const bin = Math.floor((px - MARGIN.left) / (width - MARGIN.left - MARGIN.right) * bins);
      if (bin < 0 || bin >= bins) { plot.tip.hidden = true; return; }
      showTip(plot, px, py, el('div', {}, `${short(bin * high / bins)} – ${short((bin + 1) * high / bins)}`),
              ...kinds.map(k => tipRow(k.color, k.name, `${k.counts[bin].toLocaleString('en')} (${percent(k.shares[bin])})`)));
    }, () => { plot.tip.hidden = true; });
    return root;
  });
  plot.card.append(keyOf(kinds));
  return plot;
}
