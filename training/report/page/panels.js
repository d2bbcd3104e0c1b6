// SPDX-License-Identifier: LGPL-2.1-or-later
// What is no line chart: summary, table of mistaken identities, map, pairs of pictures.


const nameOf = (evaluation, identity) => evaluation.names[identity] || `identity ${identity}`;

/** "0.98 [0.97, 0.99]" as nodes. */
function withInterval(value, interval, format) {
  const nodes = [el('b', {}, format(value))];
  if (interval) nodes.push(' ', el('span', {class: 'range'}, `[${format(interval[0])}, ${format(interval[1])}]`));
  return nodes;
}

const mean = (values, weights) => {
  let sum = 0, all = 0;
  (values || []).forEach((value, i) => {
    const weight = weights && isNumber(weights[i]) ? weights[i] : 1;
    if (isNumber(value)) { sum += value * weight; all += weight; }
  });
  return all > 0 ? sum / all : null;
};

const last = values => (values || []).filter(isNumber).pop();

/** The number of the epoch whose weights were kept. */
function bestEpoch(run) {
  const at = (run.epochs.best || []).lastIndexOf(1);
  return at < 0 ? null : run.epochs.epoch[at];
}

/** Rows of the summary: a label, cell(run) → nodes or null, and value(run) with `better` (1 up, −1 down). */
function summaryRows(runs) {
  const plain = (label, get) => ({label, cell: run => { const value = get(run); return value === null || value === undefined || value === '' ? null : [String(value)]; }});
  const measure = (label, get, interval, format, better) => ({
    label, better, value: run => run.evaluation ? get(run.evaluation) : undefined,
    cell: run => run.evaluation && isNumber(get(run.evaluation)) ? withInterval(get(run.evaluation), interval(run.evaluation), format) : null});
  const of = (e, name) => e.intervals && e.intervals[name];
  const fars = [...new Set(runs.flatMap(r => r.evaluation ? r.evaluation.tar_at_far.map(p => p.far) : []))].sort((a, b) => b - a);
  const point = (e, far) => e.tar_at_far.find(p => p.far === far) || {};
  return [
    {group: 'Training'},
    plain('images', r => r.images ? r.images.toLocaleString('en') : null),
    plain('identities', r => r.identities ? r.identities.toLocaleString('en') : null),
    plain('epochs done', r => { const done = last(r.curves.epoch); return done === undefined ? null : short(done) + (r.options.epochs ? ` of ${r.options.epochs}` : ''); }),
    plain('best epoch', bestEpoch),
    plain('images a second', r => { const rate = last(r.curves.images_per_second); return rate === undefined ? null : short(rate); }),
    plain('time spent waiting for data', r => { const wait = mean(r.epochs.data_wait, r.epochs.seconds); return wait === null ? null : percent(wait); }),
    plain('device', r => r.device),
    plain('program', r => r.version && `triplet-train ${r.version}`),
    {group: 'Evaluation'},
    plain('set', r => r.evaluation && r.evaluation.set),
    plain('weights', r => r.evaluation && r.evaluation.weights),
    plain('pictures', r => r.evaluation && `${r.evaluation.images.toLocaleString('en')} of ${r.evaluation.names.length.toLocaleString('en')} identities`),
    plain('pairs', r => r.evaluation && `${r.evaluation.genuine_pairs.toLocaleString('en')} same, ${r.evaluation.impostor_pairs.toLocaleString('en')} different`),
    measure('AUC', e => e.auc, e => of(e, 'auc'), short, 1),
    measure('equal error rate', e => e.eer, e => of(e, 'eer'), percent, -1),
    ...fars.map(far => measure(`TAR at FAR ${far}`, e => point(e, far).tar, e => point(e, far).interval, percent, 1)),
    measure('accuracy at the threshold', e => e.accuracy, e => of(e, 'accuracy'), percent, 1),
    measure('nearest other picture right', e => e.confusion.asked ? e.confusion.right / e.confusion.asked : null, () => null, percent, 1),
  ];
}

function summaryTable(runs, color) {
  const head = el('tr', {}, el('th', {}, ''), ...runs.map((run, k) => el('th', {}, dot(color(k)), ' ', run.name)));
  const body = el('tbody');
  for (const row of summaryRows(runs)) {
    if (row.group) {
      body.append(el('tr', {class: 'group'}, el('th', {colspan: runs.length + 1}, row.group)));
      continue;
    }
    const cells = runs.map(row.cell);
    if (cells.every(cell => cell === null)) continue;
    const values = row.better ? runs.map(run => row.value(run)).filter(isNumber).map(v => v * row.better) : [];
    const top = values.length > 1 ? Math.max(...values) : Infinity;
    body.append(el('tr', {}, el('th', {}, row.label), ...cells.map((cell, k) => {
      const best = row.better && row.value(runs[k]) * row.better === top;
      return el('td', {class: best ? 'best' : null}, ...(cell || ['–']));
    })));
  }
  const differing = differingOptions(runs);
  if (differing.length > 0) {
    body.append(el('tr', {class: 'group'}, el('th', {colspan: runs.length + 1}, 'Options that differ')));
    for (const name of differing)
      body.append(el('tr', {}, el('th', {}, `--${name}`), ...runs.map(run => el('td', {}, run.options[name] === undefined ? '–' : run.options[name]))));
  }
  return el('div', {class: 'card scroll'}, el('table', {id: 'summary-table'}, runs.length > 1 ? el('thead', {}, head) : null, body));
}

function differingOptions(runs) {
  const names = [...new Set(runs.flatMap(run => Object.keys(run.options)))].sort();
  return runs.length < 2 ? [] : names.filter(name => new Set(runs.map(run => run.options[name])).size > 1);
}

function dot(color) {
  const node = el('span', {class: 'dot'});
  node.style.background = color;
  return node;
}

/** The figures that people look at first. */
function tiles(run) {
  const e = run.evaluation;
  const tile = (value, label) => el('div', {class: 'tile'}, el('b', {}, value), el('span', {}, label));
  const list = [];
  if (e) {
    const range = (interval, format) => interval ? `, 95 %: ${format(interval[0])} to ${format(interval[1])}` : '';
    list.push(tile(short(e.auc), `AUC${range(e.intervals && e.intervals.auc, short)}`),
              tile(percent(e.eer), `equal error rate${range(e.intervals && e.intervals.eer, percent)}`));
    const finest = e.tar_at_far.find(p => p.far === 0.001) || e.tar_at_far[e.tar_at_far.length - 1];
    if (finest) list.push(tile(percent(finest.tar), `accepted at FAR ${finest.far}${range(finest.interval, percent)}`));
    if (e.confusion.asked) list.push(tile(percent(e.confusion.right / e.confusion.asked), 'nearest other picture is of the same identity'));
  }
  const best = bestEpoch(run), done = last(run.curves.epoch);
  if (done !== undefined) list.push(tile(best === null ? short(done) : String(best), best === null ? 'epochs done' : `best epoch, of ${short(done)} done`));
  return el('div', {class: 'tiles'}, ...list);
}

function optionsList(run) {
  return el('details', {}, el('summary', {}, `All options of ${run.name}`),
            el('ul', {class: 'options'}, ...Object.entries(run.options).map(([name, value]) => el('li', {}, el('span', {}, `--${name} `), value)),
               ...run.data.map(path => el('li', {}, el('span', {}, '--data '), path)),
               run.val ? el('li', {}, el('span', {}, '--val '), run.val) : null));
}

const clip = (text, most) => text.length > most ? `${text.slice(0, most - 1)}…` : text;

/** Whose pictures (rows) are nearest to whose (columns). */
function heatMap(id, evaluation) {
  const confusion = evaluation.confusion;
  const n = confusion.identities.length;
  const given = confusion.identities.map(i => nameOf(evaluation, i));
  const order = given.map((_, i) => i);
  // All of them by name; a choice stays in its order, the most confused first.
  if (n === evaluation.names.length) order.sort((a, b) => given[a].localeCompare(given[b], 'en', {numeric: true}));
  const names = order.map(i => given[i]);
  const counts = order.map(i => order.map(j => confusion.counts[i][j]));
  const all = order.map(i => confusion.counts[i].reduce((a, b) => a + b, 0) + confusion.elsewhere[i]);
  const longest = Math.min(14, Math.max(...names.map(name => name.length)));
  const plot = plotCard(id, n < evaluation.names.length ? `The ${n} most confused identities` : 'All identities',
    width => Math.min(width, 704) + 8, full => {
    const width = Math.min(full, 704);
    const label = Math.min(width * 0.26, 10 + longest * 6);
    const side = (width - label) / n;
    const root = svg('svg', {class: 'chart heat', viewBox: `0 0 ${width} ${width}`, role: 'img', 'aria-label': 'Mistaken identities'});
    root.append(svg('rect', {x: label, y: label, width: width - label, height: width - label, style: 'fill:var(--grid)'}));
    const spots = side >= 9;
    names.forEach((name, i) => {
      if (!spots && i % 2) return;
      const middle = label + (i + 0.5) * side;
      root.append(svg('text', {x: label - 5, y: middle + 3.5, 'text-anchor': 'end'}, clip(name, 14)),
                  svg('text', {transform: `translate(${middle + 3.5} ${label - 5}) rotate(-90)`}, clip(name, 14)));
    });
    counts.forEach((row, i) => row.forEach((count, j) => {
      if (count === 0) return;
      const strength = (i === j ? 0.12 : 0.25) + (i === j ? 0.5 : 0.75) * count / all[i];
      root.append(svg('rect', {x: label + j * side + 0.5, y: label + i * side + 0.5, width: Math.max(side - 1, 1), height: Math.max(side - 1, 1), rx: Math.min(2, side / 5),
                               style: `fill:var(${i === j ? '--good' : '--bad'})`, 'fill-opacity': strength.toFixed(3)}));
    }));
    follow(root, (px, py) => {
      const j = Math.floor((px - label) / side), i = Math.floor((py - label) / side);
      if (i < 0 || j < 0 || i >= n || j >= n) { plot.tip.hidden = true; return; }
      showTip(plot, px + (full - width) / 2, py, el('div', {}, el('strong', {}, `${counts[i][j]} of ${all[i]}`), i === j ? ' pictures right:' : ' pictures taken for another:'),
              el('div', {}, i === j ? names[i] : `${names[i]} → ${names[j]}`));
    }, () => { plot.tip.hidden = true; });
    return root;
  });
  plot.card.append(el('p', {class: 'hint'}, 'Rows: whose picture. Columns: who is in the nearest other picture. Green is right, the stronger the more of the row.'));
  return plot;
}

function confusedList(evaluation) {
  const rows = evaluation.confusion.pairs.map(pair => el('tr', {},
    el('td', {class: 'name'}, nameOf(evaluation, pair.a)), el('td', {class: 'name'}, nameOf(evaluation, pair.b)),
    el('td', {class: 'number'}, String(pair.a_as_b)), el('td', {class: 'number'}, String(pair.b_as_a)), el('td', {class: 'number'}, short(pair.nearest))));
  return el('section', {class: 'card'}, el('div', {class: 'head'}, el('h3', {}, 'Nearest identities')),
    el('div', {class: 'scroll'}, el('table', {}, el('thead', {}, el('tr', {}, el('th', {}, 'A'), el('th', {}, 'B'),
      el('th', {class: 'number'}, 'A as B'), el('th', {class: 'number'}, 'B as A'), el('th', {class: 'number'}, 'nearest'))), el('tbody', {}, ...rows))),
    el('p', {class: 'hint'}, `${evaluation.confusion.asked - evaluation.confusion.right} of ${evaluation.confusion.asked} pictures have another identity's picture nearest. Nearest: the smallest distance between them.`));
}

const MOST_DRAWN_PICTURES = 300;

/** A colour for each identity that is unlike its neighbours'. */
const identityColor = identity => `hsl(${(identity * 137.508) % 360} 62% 52%)`;

function mapPlot(id, title, evaluation, pictures) {
  const {map} = evaluation;
  const count = map.identity.length;
  const pictured = map.picture.some(p => p >= 0);
  const state = {kind: 'tsne', pictures: pictured && count <= MOST_DRAWN_PICTURES, chosen: null};
  const plot = plotCard(id, title, width => Math.min(Math.max(width * 0.72, 280), 620), (width, height) => drawMap(plot, state, evaluation, pictures, width, height));
  const kinds = el('span', {class: 'switch'});
  for (const [kind, label] of [['tsne', 't-SNE'], ['pca', 'PCA']]) {
    const button = el('button', {type: 'button', 'data-kind': kind, 'aria-pressed': String(kind === state.kind)}, label);
    button.addEventListener('click', () => {
      state.kind = kind;
      kinds.childNodes.forEach(node => node.setAttribute('aria-pressed', String(node === button)));
      plot.redraw();
    });
    kinds.append(button);
  }
  plot.head.append(kinds);
  if (pictured && count <= MOST_DRAWN_PICTURES) {
    const button = el('button', {type: 'button', 'aria-pressed': String(state.pictures)}, 'pictures');
    button.addEventListener('click', () => {
      state.pictures = !state.pictures;
      button.setAttribute('aria-pressed', String(state.pictures));
      plot.redraw();
    });
    plot.head.append(button);
  }
  const share = map.explained.map(percent).join(' and ');
  const part = count < evaluation.images ? `${count.toLocaleString('en')} of ${evaluation.images.toLocaleString('en')} pictures, a seeded choice. ` : '';
  plot.card.append(el('p', {class: 'hint'}, `${part}One colour an identity; press a point to see its identity alone. t-SNE keeps neighbours, not distances. PCA shows ${share} of the variance.`));
  return plot;
}

function drawMap(plot, state, evaluation, pictures, width, height) {
  const {map} = evaluation;
  const root = svg('svg', {class: 'chart map', viewBox: `0 0 ${width} ${height}`, height, role: 'img', 'aria-label': 'Map of the embeddings'});
  const places = map[state.kind];
  const edge = state.pictures ? 18 : 8;
  // One scale for both axes: distances must not be stretched.
  const [x0, x1] = extent([places.x]), [y0, y1] = extent([places.y]);
  const low = [Math.min(...places.x), Math.min(...places.y)], high = [Math.max(...places.x), Math.max(...places.y)];
  const unit = Math.min((width - 2 * edge) / (high[0] - low[0] || x1 - x0), (height - 2 * edge) / (high[1] - low[1] || y1 - y0));
  const px = i => width / 2 + (places.x[i] - (low[0] + high[0]) / 2) * unit;
  const py = i => height / 2 - (places.y[i] - (low[1] + high[1]) / 2) * unit;
  const fade = i => state.chosen === null || map.identity[i] === state.chosen ? 1 : 0.12;
  const side = width < 480 ? 18 : 26;
  map.identity.forEach((identity, i) => {
    const color = identityColor(identity);
    if (state.pictures && map.picture[i] >= 0) {
      root.append(svg('rect', {x: px(i) - side / 2 - 1.5, y: py(i) - side / 2 - 1.5, width: side + 3, height: side + 3, rx: 3, style: `fill:${color}`, opacity: fade(i)}),
                  svg('image', {x: px(i) - side / 2, y: py(i) - side / 2, width: side, height: side, href: pictures[map.picture[i]], opacity: fade(i)}));
    } else {
      root.append(svg('circle', {cx: px(i), cy: py(i), r: map.identity.length > 600 ? 3 : 4.2, style: `fill:${color};stroke:var(--card)`, 'stroke-width': 0.7, opacity: 0.9 * fade(i)}));
    }
  });
  const near = (x, y) => {
    let best = -1, distance = state.pictures ? side * 0.8 : 14;
    map.identity.forEach((_, i) => {
      const d = Math.hypot(px(i) - x, py(i) - y);
      if (d < distance && fade(i) === 1) { best = i; distance = d; }
    });
    return best;
  };
  follow(root, (x, y) => {
    const i = near(x, y);
    if (i < 0) { plot.tip.hidden = true; return; }
    const picture = map.picture[i] >= 0 ? el('img', {src: pictures[map.picture[i]], alt: '', width: 96, height: 96}) : null;
    showTip(plot, px(i), py(i), ...(picture ? [picture] : []), el('strong', {}, nameOf(evaluation, map.identity[i])));
  }, () => { plot.tip.hidden = true; });
  root.addEventListener('click', event => {
    const box = root.getBoundingClientRect();
    const i = near(event.clientX - box.left, event.clientY - box.top);
    state.chosen = i < 0 || state.chosen === map.identity[i] ? null : map.identity[i];
    plot.redraw();
  });
  return root;
}

function pairCard(evaluation, pair, pictures) {
  const figure = one => {
    const name = nameOf(evaluation, one.identity);
    const title = one.source ? `${name}\n${one.source}` : name;
    return el('figure', {title}, one.picture >= 0 ? el('img', {src: pictures[one.picture], alt: name, loading: 'lazy'}) : el('div', {class: 'none'}),
              el('figcaption', {}, name, el('small', {}, one.source.split('/').pop())));
  };
  return el('article', {class: 'pair'}, el('div', {class: 'pictures'}, figure(pair.a), figure(pair.b)),
            el('p', {}, `distance ${short(pair.distance)}`, isNumber(evaluation.threshold) ? (pair.distance <= evaluation.threshold ? ', accepted' : ', refused') : ''));
}

function pairGrid(evaluation, pairs, pictures) {
  return el('div', {class: 'pairs'}, ...pairs.map(pair => pairCard(evaluation, pair, pictures)));
}
