// Validates result.json against its schema with ajv, and reads junit.xml with a parser that CI tools use.
import Ajv2020 from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { parse } from 'junit2json'
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { bundles } from './bundles.js'

const ajv = new Ajv2020({ strict: true })
addFormats(ajv)
const valid = ajv.compile(JSON.parse(readFileSync(new URL('../../docs/result.schema.json', import.meta.url))))

const first = bundles.filter((b) => b.group === 'V-260932')

for (const bundle of first) {
  test(`result.json of ${bundle.sample}`, () => {
    assert.ok(valid(JSON.parse(bundle.read('result.json'))), JSON.stringify(valid.errors))
  })
}

test('the schema refuses another version', () => {
  const result = JSON.parse(first[0].read('result.json'))
  result.schema = 'volume-durability/result/v0'
  assert.equal(valid(result), false)
})

const counts = {
  pass: [1, 0, 0, 0], fail: [1, 1, 0, 0], empty: [1, 1, 0, 0], matrix: [7, 2, 1, 1],
  error: [1, 0, 1, 0], undetected: [2, 0, 1, 0], stopped: [1, 0, 1, 0], 'not-applicable': [1, 0, 0, 1],
  'too-slow': [1, 1, 0, 0], overwrite: [1, 1, 0, 0],
}

for (const bundle of first) {
  test(`junit.xml of ${bundle.sample}`, async () => {
    const suites = await parse(bundle.read('junit.xml'))
    const [suite] = suites.testsuite
    assert.deepEqual([suites.tests, suites.failures, suites.errors], counts[bundle.sample].slice(0, 3))
    assert.deepEqual([suite.tests, suite.failures, suite.errors, suite.skipped], counts[bundle.sample])
    const cases = suite.testcase
    const having = (what) => cases.filter((c) => c[what]?.length > 0).length
    assert.deepEqual([cases.length, having('failure'), having('error'), having('skipped')], counts[bundle.sample])
  })
}
