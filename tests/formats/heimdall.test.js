// The converter of Heimdall and of the SAF command line.
import { ChecklistResults } from '@mitre/hdf-converters'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bundles, rules } from './bundles.js'

const results = { pass: 'passed', fail: 'failed', notchecked: 'skipped', notapplicable: 'skipped' }

for (const bundle of bundles) {
  test(`checklist.ckl of ${bundle.name}`, () => {
    const hdf = new ChecklistResults(bundle.read('checklist.ckl')).toHdf()
    assert.equal(hdf.profiles.length, 1)
    const [profile] = hdf.profiles
    assert.equal(profile.controls.length, 1)
    const [control] = profile.controls
    assert.equal(control.id, bundle.group)
    assert.equal(control.tags.rid, rules[bundle.group].rule)
    assert.deepEqual(control.tags.cci, ['CCI-001665'])
    assert.ok(control.tags.nist.includes('SC-24'))
    assert.equal(control.impact, bundle.due === 'notapplicable' ? 0 : 0.5)
    assert.deepEqual(control.results.map((r) => r.status), [results[bundle.due]])
    assert.ok(control.results[0].code_desc.includes('Started 2026-11-24T12:46:47.123Z'))
  })
}
