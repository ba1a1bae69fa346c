// Tests the report page in Chromium: from a file, without a network, light and dark, on wide and narrow screens, and in
// print. What it shows is compared with the result in JSON.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import axe from 'axe-core'
import { chromium } from 'playwright-core'

const folder = process.env.PAGES
const samples = ['pass', 'fail', 'empty', 'matrix', 'error', 'undetected', 'stopped', 'not-applicable', 'too-slow', 'overwrite']
const results = Object.fromEntries(samples.map(name => [name, JSON.parse(readFileSync(join(folder, name + '.json'), 'utf8'))]))

const several = JSON.parse(readFileSync(join(folder, 'two.json'), 'utf8'))

let browser
before(async () => {
  const root = process.getuid?.() === 0 // Chromium's sandbox does not run as root
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: root ? ['--no-sandbox'] : [] })
})
after(() => browser?.close())

/** visit opens a sample. It fails if the page makes a request or logs an error. */
async function visit(name, { width = 1280, scheme = 'light' }, look) {
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: scheme, offline: true })
  const page = await context.newPage()
  const url = 'file://' + join(folder, name + '.html')
  const trouble = []
  page.on('console', m => trouble.push(m.text()))
  page.on('pageerror', e => trouble.push(String(e)))
  page.on('request', r => { if (r.url() !== url) trouble.push('request for ' + r.url()) })
  try {
    await page.goto(url)
    await look(page)
    assert.deepEqual(trouble, [])
  } finally {
    await context.close()
  }
}

const openAll = page => page.evaluate(() => document.querySelectorAll('details').forEach(d => { d.open = true }))
const plain = s => s.replace(/[\u00a0\s]+/g, ' ').trim()
const grouped = n => String(n).replace(/\B(?=(\d{3})+$)/g, ' ')
const sum = all => all.reduce((a, b) => a + b, 0)
const cellsOf = name => results[name].cells ?? []
const ms = time => Date.parse(time)

/** nanoseconds reads a duration as the page writes it. */
function nanoseconds(said) {
  const units = { 'µs': 1e3, ms: 1e6, s: 1e9, min: 6e10, h: 3.6e12 }
  return sum([...said.matchAll(/([\d.]+) (µs|ms|min|s|h)/g)].map(([, n, unit]) => n * units[unit]))
}

function near(said, want, what) {
  if (!want) return assert.equal(said, '–', what)
  assert.ok(Math.abs(nanoseconds(said) - want) <= want * 0.01, `${what}: ${said}, want ${want} ns`)
}

function lost(cell) {
  const away = (cell.findings ?? []).filter(f => f.class !== 'reordered' && f.class !== 'duplicated')
  return Math.min(sum(away.map(f => f.records)), acknowledged(cell))
}

const acknowledged = cell => sum((cell.acks ?? []).map(p => p.seq))

function slowest(cell) {
  const epochs = cell.epochs ?? []
  return Math.max(0, ...epochs.slice(1).map((e, i) => (ms(e.firstAckAt) - ms(epochs[i].deletionRequestedAt)) * 1e6))
}

/** nano reads a time, in nanoseconds. */
const nano = time => BigInt(Date.parse(time.slice(0, 19) + 'Z')) * 1_000_000n + BigInt((time.match(/\.(\d+)/)?.[1] ?? '').padEnd(9, '0'))
const between = (from, to) => Number(nano(to) - nano(from))

const timeFigure = place => place.locator('figure').filter({ hasText: 'Where the time of the run went' })

/** timeRows returns the rows of the table of a run's time: the row's name, the step, its writer or reader, and two times. */
function timeRows(r) {
  const row = (name, s, step = s.name) => [name, step, s.epoch ? 'writer ' + grouped(s.epoch) : s.pod ? 'reader' : '–', between(r.startedAt, s.startedAt), between(s.startedAt, s.endedAt)]
  const cells = (r.cells ?? []).filter(c => c.trace)
  return [...r.phases.map(p => row('whole run', p)), ...cells.flatMap(c => c.trace.steps.map(s => row(c.spec.name || c.spec.storageClass, s)))]
}

/** theTime compares the table of a run's time with the result. */
async function theTime(place, r) {
  const figure = timeFigure(place)
  const tested = (r.cells ?? []).some(c => c.trace)
  assert.equal(await figure.count(), tested ? 1 : 0, 'the chart of the time')
  if (!tested) return
  const rows = await figure.locator('tbody tr').evaluateAll(rows => rows.map(row => [...row.cells].map(c => c.innerText)))
  const all = timeRows(r)
  const left = all.length - 200
  const want = left > 0 ? [...all.slice(0, 100), [`The result in JSON has ${grouped(left)} more ${left === 1 ? 'step' : 'steps'}.`], ...all.slice(-100)] : all
  assert.equal(rows.length, want.length)
  for (const [i, [name, step, pod, began, took]] of want.entries()) {
    const row = rows[i].map(plain)
    if (row.length === 1) {
      assert.equal(row[0], name)
      continue
    }
    assert.ok(row[0].startsWith(name) || !name, `${row[0]}, want ${name}`)
    assert.deepEqual(row.slice(1, 3), [step, pod])
    if (began) near(row[3], began, `start of ${step}`)
    else assert.equal(row[3], '0 s')
    near(row[4], took, step)
  }
}

describe('the page shows the result', () => {
  for (const name of samples) {
    test(name, () => visit(name, {}, async page => {
      await openAll(page)
      await oneRun(page.locator('body'), results[name])
    }))
  }
  test('two runs on one page', () => visit('two', {}, async page => {
    await openAll(page)
    assert.equal(plain(await page.locator('h1').innerText()), '2 runs: 1 Pass, 1 Fail')
    const rows = await page.locator('table.runs tbody tr').evaluateAll(rows => rows.map(row => [...row.cells].map(c => c.innerText)))
    assert.equal(rows.length, several.length)
    for (const [i, r] of several.entries()) {
      const row = rows[i].map(plain)
      assert.ok(row[1].startsWith(r.cells[0].spec.storageClass) && row[1].includes(r.cells[0].claim.name), row[1])
      assert.ok(row[2].includes(r.startedAt.slice(0, 19).replace('T', ' ')), row[2])
      assert.equal(row[3], r.verdict)
      assert.deepEqual(row.slice(6), [grouped(acknowledged(r.cells[0])), grouped(lost(r.cells[0]))])
      await oneRun(page.locator('section.run').nth(i), r, `run-${i + 1}-`)
    }
    await page.locator('table.runs a').nth(1).click()
    assert.match(page.url(), /#run-2$/)
    assert.equal(await page.evaluate(() => { const { top } = document.getElementById('run-2-title').getBoundingClientRect(); return top >= 0 && top < innerHeight }), true)
  }))
})

/** oneRun compares a run on the page with its result. */
async function oneRun(place, r, prefix = '') {
  const all = plain(await place.innerText())
  assert.equal(plain(await place.locator('.verdict .badge').innerText()), r.verdict)
  for (const want of [r.reason, r.runID, r.cluster.uid, r.cluster.version, r.options.namespace, r.tool.commit, r.engine.uid, r.startedAt.slice(0, 19).replace('T', ' ')]) {
    assert.ok(all.includes(plain(want)), `does not show ${want}`)
  }
  await theTime(place, r)
  const cells = r.cells ?? []
  const rows = Object.fromEntries(await place.locator('table.matrix tbody tr:not(.remark)').evaluateAll(rows => rows.map(row => [row.querySelector('a').hash, [...row.cells].map(c => c.innerText)])))
  assert.equal(Object.keys(rows).length, cells.filter(c => c.verdict !== 'Skipped').length)
  for (const [i, cell] of cells.entries()) {
    if (cell.verdict === 'Skipped') {
      const skipped = plain(await place.locator('details.skipped').innerText())
      assert.ok(skipped.includes(cell.spec.name) && skipped.includes(plain(cell.reason)), skipped)
      continue
    }
    const row = rows[`#${prefix}cell-${i + 1}`].map(plain)
    const judged = ['Pass', 'Fail'].includes(cell.verdict)
    const undetected = judged && cell.spec.control && row[1] === 'Loss not detected'
    assert.ok(undetected || row[1].startsWith(cell.verdict), row[1])
    assert.equal(cell.spec.control ?? false, /expected|not detected/.test(row[1]), row[1])
    assert.equal(row[2], cell.provenance.level)
    assert.equal(row[3], acknowledged(cell) ? grouped(acknowledged(cell)) : '–')
    assert.equal(row[4], judged ? grouped(lost(cell)) : '–')
    near(row[5], slowest(cell), 'slowest recovery')
    near(row[6], cell.latency?.p50, 'p50')
    near(row[7], cell.latency?.p99, 'p99')
    near(row[8], cell.latency?.max, 'max')
    await oneCell(place.locator(`#${prefix}cell-${i + 1}`), cell, all)
  }
}

async function oneCell(article, cell, all) {
  const says = plain(await article.innerText())
  const facts = Object.values(cell.provenance).filter(f => f?.reason && cell.epochs).map(f => f.reason)
  for (const want of [...facts, ...(cell.notShown ?? []), ...(cell.notes ?? []), cell.claim?.uid, cell.claim?.handle]) {
    if (want) assert.ok(says.includes(plain(want)), `${cell.spec.name}: does not show ${want}`)
  }
  assert.ok(all.includes(plain(cell.reason)))
  const findings = await article.locator('table.findings tbody tr').evaluateAll(rows => rows.map(row => [...row.cells].map(c => c.innerText)))
  assert.equal(findings.length, (cell.findings ?? []).length)
  for (const [i, f] of (cell.findings ?? []).entries()) {
    const row = findings[i].map(plain)
    assert.ok(row[1].startsWith(f.class), row[1])
    assert.equal(row[2], f.records > 0 ? grouped(f.records) : '–')
    if (f.records > 0) for (const n of [f.first, f.last]) assert.ok(row[3].includes(grouped(n)), row[3])
    if (f.object) assert.ok(row[4].includes(plain(f.object)), row[4])
    else if (f.records > 0) assert.ok(row[4].includes(grouped(f.offset)), row[4])
  }
  for (const e of cell.epochs ?? []) {
    for (const want of [e.uid, e.node, e.deletionRequestedAt.slice(11, 23)]) assert.ok(says.includes(want), `${cell.spec.name}: does not show ${want}`)
  }
  const excerpt = cell.reader?.scan.excerpt
  if (excerpt) {
    const dumps = article.locator('section.excerpt').last().locator('pre.all')
    const bytes = (await dumps.innerText()).split('\n').map(line => line.slice(10, 10 + 16 * 3)).filter(line => /^[0-9a-f]{2} /.test(line)).join(' ')
    assert.equal(bytes.replace(/ /g, ''), Buffer.from(excerpt.bytes, 'base64').toString('hex'))
  }
  // Objects of a write pattern cannot be checked with kubectl.
  assert.equal(says.includes('delete pod write-pod'), !cell.layout, 'the steps by hand')
}

describe('charts are to scale', () => {
  test('a timeline', () => visit('matrix', {}, async page => {
    await openAll(page)
    for (const [i, cell] of cellsOf('matrix').entries()) {
      if (!cell.epochs) continue
      const figure = page.locator(`#cell-${i + 1} figure`).filter({ hasText: 'Records acknowledged over time' })
      assert.equal(await figure.locator('.chart .deletion-mark').count(), cell.epochs.length)
      const width = await figure.locator('svg.chart').evaluate(e => e.getBoundingClientRect().width)
      const recoveries = await figure.locator('.chart .recovery').evaluateAll(all => all.map(e => e.getBoundingClientRect().width))
      const axis = (ms(cell.reader.receivedAt) - ms(cell.epochs[0].createdAt)) * (1 + 1 / 40)
      for (const [n, e] of cell.epochs.slice(1).entries()) {
        const want = width * (ms(e.firstAckAt) - ms(cell.epochs[n].deletionRequestedAt)) / axis
        assert.ok(Math.abs(recoveries[n] - want) < 1.5, `recovery ${n} is ${recoveries[n]} wide, want ${want}`)
      }
    }
  }))
  test('the time of a run', () => visit('matrix', {}, async page => {
    const r = results.matrix
    const svg = timeFigure(page).locator('svg.chart')
    const box = await svg.boundingBox()
    const shapes = await svg.locator('rect').evaluateAll(all => all.map(e => ({ x: e.getBoundingClientRect().x, width: e.getBoundingClientRect().width, title: e.textContent })))
    const want = timeRows(r)
    assert.equal(shapes.length, want.length)
    for (const [i, [, step, , began, took]] of want.entries()) {
      const total = between(r.startedAt, r.endedAt)
      assert.ok(shapes[i].title.startsWith(step + ': '), shapes[i].title)
      assert.ok(Math.abs(shapes[i].x - box.x - box.width * began / total) < 1.5, `${shapes[i].title} begins at ${shapes[i].x}`)
      assert.ok(Math.abs(shapes[i].width - box.width * took / total) < 1.5, `${shapes[i].title} is ${shapes[i].width} wide`)
    }
  }))
  test('a strip of the journal', () => visit('fail', {}, async page => {
    const [cell] = cellsOf('fail')
    const strip = page.locator('figure').filter({ hasText: 'The bytes of the journal' }).locator('svg.chart')
    const box = await strip.boundingBox()
    const lost = await strip.locator('.lost').evaluateAll(all => all.map(e => e.getBoundingClientRect().x))
    const length = cell.findings.at(-1).offset + cell.findings.at(-1).records * cell.journal.recordSize
    for (const [i, f] of cell.findings.entries()) {
      assert.ok(Math.abs(lost[i] - box.x - box.width * f.offset / length) < 2.5, `finding ${i + 1}`)
    }
  }))
})

// axe is slow on a page with many cells, so some views are checked with all rules and others for contrast alone.
const everything = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
const views = [
  { name: 'matrix', width: 1280, scheme: 'light', rules: everything, shot: true },
  { name: 'matrix', width: 390, scheme: 'dark', shot: true },
  { name: 'matrix', width: 320, scheme: 'light' },
  { name: 'fail', width: 1280, scheme: 'dark', rules: ['color-contrast'], shot: true },
  { name: 'fail', width: 390, scheme: 'light', rules: everything, shot: true },
  { name: 'fail', width: 390, scheme: 'dark', rules: ['color-contrast'] },
  { name: 'fail', width: 320, scheme: 'light' },
  { name: 'crowded', width: 1280, scheme: 'light', shot: true },
  { name: 'crowded', width: 320, scheme: 'dark', shot: true },
  { name: 'pass', width: 390, scheme: 'dark', rules: ['color-contrast'], shot: true },
  { name: 'error', width: 390, scheme: 'dark', rules: everything },
  { name: 'empty', width: 320, scheme: 'light', rules: everything },
  { name: 'two', width: 1280, scheme: 'light', rules: everything, shot: true },
  { name: 'two', width: 390, scheme: 'dark', rules: everything, shot: true },
  { name: 'runs', width: 1280, scheme: 'dark', rules: everything },
  { name: 'runs', width: 320, scheme: 'light' },
  { name: 'not-applicable', width: 1280, scheme: 'dark', rules: everything },
]

describe('accessibility and layout', () => {
  for (const { name, rules, shot, ...view } of views) {
    test(`${name}, ${view.width} wide, ${view.scheme}`, () => visit(name, view, async page => {
      if (shot) await page.screenshot({ path: join(folder, `${name}-${view.width}-${view.scheme}.png`), fullPage: true })
      await openAll(page)
      await wellSet(page)
      const night = await page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).every(n => n < 60))
      assert.equal(night, view.scheme === 'dark')
      if (rules) assert.deepEqual(await violations(page, rules), [])
    }))
  }
})

// The layout of every page, with everything open.
const everyPage = [...samples, 'crowded', 'two', 'runs', 'many-deletions']
describe('text does not overlap, overflow or break inside a word', () => {
  for (const name of everyPage) {
    for (const width of [400, 1200]) {
      test(`${name}, ${width} wide`, () => visit(name, { width }, async page => {
        await openAll(page)
        await wellSet(page)
      }))
    }
  }
  // With everything open, this page is too long to look at. It is looked at as it opens.
  for (const width of [400, 1200]) test(`many-cells, ${width} wide`, () => visit('many-cells', { width }, wellSet))
})

test('a link to a cell without charts opens it', () => visit('many-cells', {}, async page => {
  const last = page.locator('details.compact').last()
  assert.equal(await last.locator('dl').isVisible(), false)
  const id = await last.locator('> div').getAttribute('id')
  await page.evaluate(id => { location.hash = id }, id)
  await last.locator('dl').waitFor({ state: 'visible' })
}))

/** wellSet checks that all text can be read. */
async function wellSet(page) {
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
  assert.ok(overflow <= 0, `the page is ${overflow} pixels too wide`)
  assert.deepEqual(await page.evaluate(cutOff), [])
  assert.deepEqual(await page.evaluate(overlapping), [])
  assert.deepEqual(await page.evaluate(brokenWords), [])
}

/** cutOff returns the texts that a chart cuts off at its edge. */
function cutOff() {
  const all = []
  for (const svg of document.querySelectorAll('svg.chart')) {
    const box = svg.getBoundingClientRect()
    for (const text of [...svg.querySelectorAll('text')].filter(e => e.checkVisibility())) {
      const { left, right, top, bottom } = text.getBoundingClientRect()
      if (left < box.left - 1 || right > box.right + 1 || top < box.top - 1 || bottom > box.bottom + 1) all.push(text.textContent)
    }
  }
  return all
}

/** overlapping returns the texts that cover each other. */
function overlapping() {
  const boxes = []
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  const range = document.createRange()
  while (walk.nextNode()) {
    const node = walk.currentNode
    const e = node.parentElement
    // The content of a preformatted block scrolls, and the hidden texts are for screen readers.
    if (!node.data.trim() || e.closest('.hidden, .skip, pre, title, style') || !e.checkVisibility({ contentVisibilityAuto: true })) continue
    const head = e.closest('thead')
    if (head && getComputedStyle(head).position === 'absolute') continue
    range.selectNodeContents(node)
    for (const { left, right, top, bottom } of range.getClientRects()) {
      if (right - left > 2) boxes.push({ said: node.data.trim().slice(0, 40), left: left + 1, right: right - 1, top: top + 3, bottom: bottom - 3 })
    }
  }
  boxes.sort((a, b) => a.top - b.top)
  const all = []
  for (const [i, a] of boxes.entries()) {
    for (let j = i + 1; j < boxes.length && boxes[j].top < a.bottom; j++) {
      const b = boxes[j]
      if (a.left < b.right && b.left < a.right) all.push(`${a.said} over ${b.said}`)
    }
  }
  return all
}

/**
 * brokenWords returns the words that do not end on the line on which they begin, although a line has room for them. A
 * word may break after a hyphen or a slash, unless it is in a table whose other columns have enough unused space.
 */
function brokenWords() {
  const range = document.createRange()
  const linesOf = (node, from, to) => {
    range.setStart(node, from)
    range.setEnd(node, to)
    return [...range.getClientRects()].filter(r => r.width > 0)
  }
  const inner = e => {
    const style = getComputedStyle(e)
    return e.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight)
  }
  const unused = cell => {
    const table = cell.closest('table')
    if (getComputedStyle(cell).display !== 'table-cell') return 0
    let space = 0
    for (const [i, head] of [...table.rows[0].cells].entries()) {
      if (i === cell.cellIndex) continue
      let most = 0
      for (const row of table.rows) {
        const other = row.cells[i]
        if (!other || other.colSpan > 1) continue
        range.selectNodeContents(other)
        most = Math.max(most, range.getBoundingClientRect().width)
      }
      space += Math.max(0, inner(head) - most)
    }
    return space
  }
  const all = []
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (walk.nextNode()) {
    const node = walk.currentNode
    const e = node.parentElement
    if (!node.data.trim() || e.closest('.hidden, .skip, pre, svg, style') || !e.checkVisibility()) continue
    const block = e.closest('td, th, dd, dt, p, li, h1, h2, h3, h4, h5, caption, summary, figcaption')
    if (!block || getComputedStyle(block.closest('thead') ?? block).position === 'absolute') continue
    for (const word of node.data.matchAll(/[^\s\u200b]+/g)) {
      const lines = linesOf(node, word.index, word.index + word[0].length)
      if (new Set(lines.map(r => Math.round(r.top))).size < 2) continue
      const width = lines.reduce((sum, r) => sum + r.width, 0)
      const cell = e.closest('td, th')
      const room = inner(block) - (getComputedStyle(block).display === 'grid' ? 150 : 0)
      if (cell && width > room) {
        if (unused(cell) >= width - room) all.push(`${word[0]} in a narrow column`)
        continue
      }
      if (width > room) continue
      let broken = false
      let top = null
      for (let i = 0; i < word[0].length; i++) {
        const [r] = linesOf(node, word.index + i, word.index + i + 1)
        if (!r) continue
        if (top !== null && Math.abs(r.top - top) > 3 && !/[-/]/.test(word[0][i - 1])) broken = true
        top = r.top
      }
      if (broken || cell?.matches('th[scope=row]')) all.push(`${word[0]} in a line with room for it`)
    }
  }
  return all
}

async function violations(page, rules) {
  await page.evaluate(axe.source)
  const found = await page.evaluate(rules => axe.run(document, { runOnly: rules, resultTypes: ['violations'] }), rules)
  assert.ok(found.passes.length > 0, 'axe checked nothing')
  return found.violations.map(v => `${v.impact} ${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map(n => n.html.slice(0, 160)).join(' | ')}`)
}

test('keyboard navigation', () => visit('matrix', {}, async page => {
  const now = () => page.evaluate(() => {
    const e = document.activeElement
    const { top, height } = e.getBoundingClientRect()
    return { tag: e.tagName, text: e.textContent.trim(), outline: getComputedStyle(e).outlineStyle, seen: height > 0 && top < innerHeight && top + height > 0 }
  })
  await page.keyboard.press('Tab')
  assert.equal((await now()).text, 'Skip to the report')
  await page.keyboard.press('Enter')
  assert.equal((await now()).tag, 'MAIN')
  await openAll(page)
  const reachable = await page.locator('main :is(a[href], summary, [tabindex="0"])').filter({ visible: true }).count()
  for (let i = 0; i < reachable; i++) {
    await page.keyboard.press('Tab')
    const at = await now()
    assert.ok(at.seen && at.outline !== 'none', `stop ${i}: ${JSON.stringify(at)}`)
  }
  await page.keyboard.press('Tab')
  assert.notEqual((await now()).tag, 'SUMMARY', 'every focusable element was reached')
}))

test('details expand and collapse', () => visit('matrix', {}, async page => {
  const summary = page.locator('#cell-1 summary').first()
  assert.equal(await page.locator('#cell-1 h3').first().isVisible(), false)
  await summary.focus()
  await page.keyboard.press('Enter')
  assert.equal(await page.locator('#cell-1 h3').first().isVisible(), true)
  await summary.click()
  assert.equal(await page.locator('#cell-1 h3').first().isVisible(), false)
  const link = page.locator('table.matrix a').nth(3)
  const to = await link.getAttribute('href')
  await link.click()
  assert.ok(page.url().endsWith(to), page.url())
}))

describe('print shows everything', () => {
  for (const name of ['matrix', 'fail', 'two']) {
    test(name, () => visit(name, { scheme: 'dark' }, async page => {
      await page.emulateMedia({ media: 'print' })
      const hidden = await page.locator('details table, details pre:not(.narrow)').evaluateAll(all => all.filter(e => !e.checkVisibility({ contentVisibilityAuto: true }) || e.getBoundingClientRect().height === 0).length)
      assert.equal(hidden, 0)
      assert.equal(await page.locator('nav').isVisible(), false)
      assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue('--paper')), '#fff', 'print is white in dark mode, too')
      await page.pdf({ path: join(folder, name + '.pdf'), format: 'A4', preferCSSPageSize: true })
    }))
  }
})
