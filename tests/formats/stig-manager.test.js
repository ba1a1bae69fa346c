// STIG Manager's own parser, with the import options of its web client.
import { reviewsFromCkl, reviewsFromCklb } from '@nuwcdivnpt/stig-manager-client-modules'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bundles, host, rules, samples, statuses } from './bundles.js'

const options = {
  fieldSettings: { detail: { enabled: 'always', required: 'always' }, comment: { enabled: 'always', required: 'findings' } },
  allowAccept: true,
  importOptions: {
    autoStatus: { fail: 'submitted', notapplicable: 'submitted', pass: 'submitted' }, unreviewed: 'always', unreviewedCommented: 'notchecked',
    emptyDetail: 'replace', emptyComment: 'ignore', allowCustom: true,
  },
}

test('every sample is known', () => assert.deepEqual([...samples].sort(), Object.keys(statuses).sort()))

for (const [file, parse] of Object.entries({ 'checklist.ckl': reviewsFromCkl, 'checklist.cklb': reviewsFromCklb })) {
  for (const bundle of bundles) {
    test(`${file} of ${bundle.name}`, () => {
      const parsed = parse({ data: bundle.read(file), sourceRef: file, ...options })
      const { rule, benchmark, revision } = rules[bundle.group]
      assert.deepEqual(parsed.errors ?? [], [])
      assert.equal(parsed.target.name, host)
      assert.equal(parsed.target.noncomputing, false)
      assert.equal(parsed.checklists.length, 1)
      const [checklist] = parsed.checklists
      assert.equal(checklist.benchmarkId, benchmark)
      assert.equal(checklist.revisionStr, revision)
      assert.equal(checklist.reviews.length, 1)
      const [review] = checklist.reviews
      assert.equal(review.ruleId, rule)
      assert.equal(review.result, bundle.due)
      assert.equal(checklist.stats[bundle.due], 1)
      assert.equal(review.resultEngine, null)

      const { reason, runID } = JSON.parse(bundle.read('result.json'))
      assert.match(review.detail, /^(V-\d+) \(SV-/)
      assert.ok(review.detail.includes('\n'), 'lines stay lines')
      assert.ok(review.comment.includes(`Run ${runID} of volume-durability.\n`))
      if (bundle.due !== 'notapplicable') {
        assert.ok(review.detail.includes(reason), `${reason} must be in ${review.detail}`)
      }
    })
  }
}

test('escaped XML is restored', () => {
  const error = bundles.find((b) => b.sample === 'error' && b.group === 'V-260932')
  for (const [file, parse] of [['checklist.ckl', reviewsFromCkl], ['checklist.cklb', reviewsFromCklb]]) {
    const [review] = parse({ data: error.read(file), sourceRef: file, ...options }).checklists[0].reviews
    assert.ok(review.detail.includes('<mount.nfs & friends>'), file)
  }
})
