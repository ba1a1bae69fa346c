// Measures how long Chromium takes to open and paint a report page, and then to open all sections of it. It repeats this
// several times, and prints the median and the longest time. The times include a screenshot, which waits for painting.
// With the path of a file as second argument, it adds the medians to it, as rows of tests/bench/ratio.
import { appendFileSync, mkdirSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { chromium } from 'playwright-core'

const url = 'file://' + resolve(process.argv[2])
const ratios = process.argv[3]
const limit = 2 // seconds
const rounds = 5
const root = process.getuid?.() === 0 // Chromium's sandbox does not run as root
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: root ? ['--no-sandbox'] : [] })
const times = { 'opening the page': [], 'opening every section of it': [] }
for (let i = 0; i < rounds; i++) {
  const page = await browser.newPage()
  const began = performance.now()
  await page.goto(url)
  await page.screenshot()
  const opened = performance.now()
  await page.evaluate(() => document.querySelectorAll('details').forEach(d => { d.open = true }))
  await page.screenshot()
  times['opening the page'].push(opened - began)
  times['opening every section of it'].push(performance.now() - opened)
  await page.close()
}
await browser.close()
for (const [what, all] of Object.entries(times)) {
  all.sort((a, b) => a - b)
  console.log(`${what}: ${all[rounds >> 1].toFixed(0)} ms, at most ${all.at(-1).toFixed(0)} ms`)
  if (!ratios) continue
  const value = all[rounds >> 1] / 1000
  const row = { area: 'Long run', measured: what, peer: 'limit', unit: 's', value, peerValue: limit, ratio: value / limit, atMost: 1 }
  mkdirSync(dirname(ratios), { recursive: true })
  appendFileSync(ratios, JSON.stringify(row) + '\n')
}
