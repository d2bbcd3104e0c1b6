// SPDX-License-Identifier: LGPL-2.1-or-later
// Puts the page together from its data.


const data = JSON.parse(document.getElementById('data').textContent);
const runs = data.runs;
const several = runs.length > 1;
const hidden = new Set();
const plots = [];
const shown = k => !hidden.has(k);
const color = k => `var(--run${k % 8})`;
/** Runs beyond the eighth share a colour, not a dash. */
const runDash = k => k < 8 ? null : '7 3';

function add(parent, plot) {
  if (!plot) return;
  plots.push(plot);
  parent.append(plot.card);
}

function section(id, title, lead) {
  const node = el('section', {id}, el('h2', {}, title), lead ? el('p', {class: 'lead'}, lead) : null);
  document.getElementById('main').append(node);
  return node;
}

const has = (run, name, table = 'curves') => (run[table][name] || []).some(isNumber);

function warnings() {
  return runs.flatMap((run, k) => run.events.filter(event => event.kind !== 'resumed')
    .map(event => ({run: k, x: event.epoch, text: several ? `${run.name}: ${event.kind}: ${event.text}` : `${event.kind}: ${event.text}`})));
}

/** A chart of one column of every run that has it. */
function columnChart(id, title, name, options = {}) {
  const table = options.table || 'curves';
  const series = [];
  runs.forEach((run, k) => {
    if (!has(run, name, table)) return;
    const best = (run.epochs.best || []).lastIndexOf(1);
    series.push({run: k, name: several ? run.name : title, color: color(k), dash: runDash(k), xs: run[table].epoch, ys: run[table][name],
                 dots: table === 'epochs' && best >= 0 ? [best] : []});
  });
  if (series.length === 0) return null;
  return lineChart({id, title, series, shown, xLabel: 'epoch', events: warnings(), ...options});
}

/** A chart of several columns: of one run each in a colour of its own, of several in the run's with dashes. */
function columnsChart(id, title, columns, options = {}) {
  const series = [];
  runs.forEach((run, k) => {
    for (const column of columns) {
      if (!has(run, column.name)) continue;
      series.push({run: k, name: several ? `${run.name}: ${column.label}` : column.label, color: several ? color(k) : column.color, dash: several ? column.dash : null,
                   thin: column.thin, xs: run.curves.epoch, ys: run.curves[column.name],
                   low: column.low && run.curves[column.low], high: column.high && run.curves[column.high]});
    }
  });
  if (series.length === 0) return null;
  const there = columns.filter(column => runs.some(run => has(run, column.name)));
  const key = there.map(column => ({name: column.label, color: several ? 'var(--soft)' : column.color, dash: several ? column.dash : null}));
  return lineChart({id, title, series, key, shown, xLabel: 'epoch', events: warnings(), ...options});
}

function wide(run, name) {
  const values = (run.curves[name] || []).filter(v => isNumber(v) && v > 0);
  return values.length > 0 && Math.max(...values) > 50 * Math.min(...values);
}

function addCurves() {
  const node = section('curves', 'Curves', 'Numbers of training are means since the epoch began. A ring marks the epoch whose weights were kept, ⚠ a warning.');
  const grid = el('div', {class: 'grid'});
  node.append(grid);
  const classes = runs.every(run => ['cosface', 'softmax'].includes(run.options.loss));
  const mined = runs.every(run => ['triplet', 'contrastive'].includes(run.options.loss));
  const active = classes ? 'Training pictures named right' : mined ? 'Terms with a loss' : 'Terms with a loss, or pictures named right';
  const log = name => runs.some(run => wide(run, name));
  const share = {yFormat: percent};
  add(grid, columnChart('loss', 'Loss', 'loss', {log: log('loss')}));
  add(grid, columnChart('active', active, 'active', {...share, yDomain: [0, 1]}));
  add(grid, columnChart('val-auc', 'Validation AUC', 'validation_auc', {table: 'epochs'}));
  add(grid, columnChart('val-eer', 'Validation equal error rate', 'validation_eer', {table: 'epochs', log: false, ...share}));
  add(grid, columnChart('val-accuracy', 'Validation accuracy', 'validation_accuracy', {table: 'epochs', ...share, hint: 'At the best threshold for each epoch.'}));
  add(grid, columnsChart('kinds', 'Triplets', [
    {name: 'easy', label: 'easy', color: 'var(--good)'}, {name: 'semi_hard', label: 'semi-hard', color: 'var(--middle)', dash: '7 3'},
    {name: 'hard', label: 'hard', color: 'var(--bad)', dash: '2 3'}], {...share, yDomain: [0, 1]}));
  add(grid, columnsChart('distances', 'Distances in a batch', [
    {name: 'negative_p50', low: 'negative_p10', high: 'negative_p90', label: 'different identities', color: 'var(--bad)', dash: '7 3'},
    {name: 'positive_p50', low: 'positive_p10', high: 'positive_p90', label: 'same identity', color: 'var(--good)'},
    {name: 'margin', label: 'margin', color: 'var(--faint)', dash: '1 3', thin: true}], {log: false, hint: 'Medians; the bands reach from the 10th to the 90th percentile.'}));
  add(grid, columnChart('gradient', 'Gradient norm', 'gradient_norm', {log: log('gradient_norm')}));
  add(grid, columnChart('rate', 'Learning rate', 'lr', {log: false}));
  add(grid, columnChart('speed', 'Images a second', 'images_per_second', {hint: 'Since the start of the run, validation left out.'}));
  add(grid, columnChart('wait', 'Time spent waiting for data', 'data_wait', share));
  add(grid, columnChart('spread', 'Validation spread', 'validation_spread', {table: 'epochs', log: false, hint: 'Mean standard deviation of the 128 values; near 0 the network has collapsed.'}));
  if (grid.childElementCount === 0) node.append(el('p', {class: 'lead'}, 'The log holds no numbers yet.'));
}

function addVerification(evaluated) {
  const node = section('verification', 'Verification', 'Two pictures are taken for one identity when their distance is at most the threshold. FAR: share of pairs of different identities accepted; TAR: share of pairs of the same identity accepted.');
  const grid = el('div', {class: 'grid wide'});
  node.append(grid);
  const series = [], marks = [];
  evaluated.forEach(([run, k]) => {
    const e = run.evaluation;
    series.push({run: k, name: several ? run.name : 'TAR', color: color(k), dash: runDash(k), xs: e.roc.far, ys: e.roc.tar, thresholds: e.roc.threshold});
    if (isNumber(e.threshold) && e.far > 0)
      marks.push({run: k, x: Math.max(e.far, 1e-4), y: e.tar, color: color(k), name: several ? `${run.name}: threshold` : 'threshold', value: `${short(e.threshold)}: FAR ${short(e.far)}, TAR ${percent(e.tar)}`});
  });
  const chance = Array.from({length: 41}, (_, i) => 10 ** (-4 + i / 10));
  series.push({run: -1, name: 'chance', color: 'var(--faint)', dash: '2 4', thin: true, xs: chance, ys: chance});
  add(grid, lineChart({id: 'roc', title: 'ROC', height: 320, series, marks, shown, xLog: true, xDomain: [1e-4, 1], yDomain: [0, 1.0001], xLabel: 'false-accept rate', yFormat: percent,
                       tipX: far => `FAR ${short(far)}`, yTip: (v, s, i) => percent(v) + (s.thresholds ? ` at ${short(s.thresholds[i])}` : ''),
                       hint: 'The dot is the threshold in the weights. Rates finer than one pair of different identities are not drawn.'}));
  evaluated.forEach(([run, k]) => {
    const plot = histogramChart(`histogram-${k}`, several ? `Distances: ${run.name}` : 'Distances', run.evaluation);
    plot.run = k;
    add(grid, plot);
  });
}

/** A heading for a run where there are several. */
function runHead(run, k) {
  return several ? el('div', {class: 'runhead'}, dot(color(k)), el('h3', {}, run.name)) : null;
}

function eachEvaluated(node, evaluated, fill) {
  for (const [run, k] of evaluated) {
    const part = el('div', {'data-run': k}, runHead(run, k));
    fill(part, run, k);
    node.append(part);
  }
}

function addDetails(evaluated) {
  eachEvaluated(section('confusion', 'Mistaken identities', 'Each picture is named after the nearest other picture of the set.'), evaluated, (part, run, k) => {
    const grid = el('div', {class: 'grid wide'});
    part.append(grid);
    if (run.evaluation.confusion.identities.length > 0) add(grid, heatMap(`heat-${k}`, run.evaluation));
    grid.append(confusedList(run.evaluation));
  });
  const maps = section('map', 'Map of the embeddings');
  const grid = el('div', {class: several ? 'grid wide' : ''});
  maps.append(grid);
  evaluated.forEach(([run, k]) => {
    const plot = mapPlot(`map-${k}`, several ? run.name : 'Every point a picture', run.evaluation, data.pictures);
    plot.run = k;
    add(grid, plot);
  });
  if (data.pictures_left_out) maps.append(el('p', {class: 'hint'}, 'Some points have no picture, to keep the page small.'));
  eachEvaluated(section('worst', 'Worst pairs', 'Often wrong labels or spoilt pictures: worth a look. Each picture is in a list at most four times.'), evaluated, (part, run) => {
    const e = run.evaluation;
    part.append(el('p', {class: 'subhead'}, 'Different identities that are nearest to each other'), pairGrid(e, e.false_matches, data.pictures),
                el('p', {class: 'subhead'}, 'Pictures of the same identity that are farthest apart'), pairGrid(e, e.misses, data.pictures));
  });
}

function addSummary() {
  const node = section('summary', 'Summary');
  for (const run of runs.filter(r => r.notes.length > 0)) {
    node.append(el('div', {class: 'notes'}, several ? el('strong', {}, run.name) : null, el('ul', {}, ...run.notes.map(note => el('li', {}, note)))));
  }
  for (const run of runs) {
    for (const event of run.events.filter(e => e.kind === 'warning'))
      node.append(el('div', {class: 'notes'}, el('strong', {}, `⚠ ${run.name}, epoch ${short(event.epoch)}: `), event.text));
  }
  if (!several) node.append(tiles(runs[0]));
  node.append(summaryTable(runs, color));
  if (runs.some(run => run.evaluation && run.evaluation.intervals))
    node.append(el('p', {class: 'hint'}, 'In brackets: the middle 95 % of what resampled identities give.' + (several ? ' Runs on the same set share its luck: intervals that overlap do not say that the runs are equally good.' : '')));
  node.append(...runs.map(optionsList));
}

/** Buttons that hide and show runs, and links to the sections. */
function addNavigation() {
  const bar = el('div');
  for (const node of document.querySelectorAll('main > section[id]'))
    bar.append(el('a', {href: `#${node.id}`}, node.querySelector('h2').textContent));
  if (several) {
    const legend = el('span', {class: 'legend'});
    runs.forEach((run, k) => {
      const button = el('button', {type: 'button', 'aria-pressed': 'true', title: `Hide or show ${run.name}`}, dot(color(k)), el('span', {}, run.name));
      button.addEventListener('click', () => {
        if (shown(k)) hidden.add(k); else hidden.delete(k);
        button.setAttribute('aria-pressed', String(shown(k)));
        document.querySelectorAll(`[data-run="${k}"]`).forEach(node => { node.hidden = !shown(k); });
        for (const plot of plots) {
          if (plot.run !== undefined) plot.card.hidden = !shown(plot.run);
          plot.redraw();
        }
      });
      legend.append(button);
    });
    bar.append(legend);
  }
  document.getElementById('nav').append(bar);
}

function addTheme() {
  const button = document.getElementById('theme');
  const dark = matchMedia('(prefers-color-scheme: dark)');
  let chosen = 'system';
  const apply = () => {
    document.documentElement.dataset.theme = chosen === 'system' ? (dark.matches ? 'dark' : 'light') : chosen;
    button.textContent = `Theme: ${chosen}`;
  };
  button.addEventListener('click', () => {
    chosen = {system: 'dark', dark: 'light', light: 'system'}[chosen];
    apply();
  });
  dark.addEventListener('change', apply);
  apply();
}

function build() {
  addTheme();
  document.getElementById('main').replaceChildren();
  const title = several ? `${runs.length} training runs` : runs[0].name;
  document.title = `${title} – training report`;
  document.getElementById('subtitle').textContent = several ? runs.map(run => run.name).join(', ') : runs[0].folder;
  addSummary();
  addCurves();
  const evaluated = runs.map((run, k) => [run, k]).filter(([run]) => run.evaluation);
  if (evaluated.length > 0) {
    addVerification(evaluated);
    addDetails(evaluated);
  }
  addNavigation();
  document.body.append(el('footer', {}, `Made by triplet-train report ${data.version}. The page holds all its data and asks no network.`));
}

build();
