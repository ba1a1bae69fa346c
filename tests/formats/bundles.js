// The bundles that main.go wrote, and the expected status of each. The expectations are independent of the product.
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const folder = process.env.BUNDLES ?? new URL('../../build/formats', import.meta.url).pathname

export const rules = {
  'V-260932': { rule: 'SV-260932r966153_rule', benchmark: 'Mirantis_Kubernetes_Engine_STIG', revision: 'V2R1' },
  'V-233123': { rule: 'SV-233123r961125_rule', benchmark: 'Container_Platform_SRG', revision: 'V2R4' },
  'V-222586': { rule: 'SV-222586r961125_rule', benchmark: 'Application_Security_Development_STIG', revision: 'V6R4' },
}

// The status that an assessor must see. Only V-260932 exempts Swarm.
export const statuses = {
  pass: 'pass', fail: 'fail', empty: 'fail', matrix: 'fail',
  error: 'notchecked', undetected: 'notchecked', stopped: 'notchecked', 'not-applicable': 'notapplicable',
  'too-slow': 'pass', overwrite: 'fail',
}

export const samples = readdirSync(folder)

// Every bundle: its sample, its rule, the expected status, and its files.
export const bundles = samples.flatMap((sample) => Object.keys(rules).map((group) => ({
  name: `${sample} under ${group}`,
  sample,
  group,
  due: statuses[sample] === 'notapplicable' && group !== 'V-260932' ? 'notchecked' : statuses[sample],
  read: (file) => readFileSync(join(folder, sample, group, file), 'utf8'),
})))

export const host = 'kubernetes-1d4c33f0-61f9-4b0e-9c2a-5a4d2f6c7e10'
