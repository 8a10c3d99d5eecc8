import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkPlan } from '../check.ts'
import { examplePlan, planOf } from './read-golden.ts'

/** Claims that are true, rounded and put in every way that people do. */
const TRUE_CLAIMS = `
plan: Nothing here is wrong
month: 720 h
exchange: { EUR: 1.08 USD }
quantities:
  users: 4,200 users
  peak: { assumed: 10..20%, typical: 14% }
  online: users * peak * 1 session/user
  talk: 37 min/user/day
  seat: $3.75/user/month
  rate: 256 kbps/session
  bytes: 4 GiB
  shards: 7
  per-shard: 1,130 requests/s
  backlog: 90 s
fits:
  lab: { of: sessions, points: [{ load: 20 sessions, used: 0.5 core }, { load: 120 sessions, used: 2.5 core }] }
tables:
  lag: { of: sessions, rows: { 10: 100..200 ms, 50: 200..400 ms } }
workloads:
  session:
    concurrent: online
    needs: { cpu: 1.8% cpu, memory: { audio: 2.5 MB, state: 4..6 MB }, network: rate }
machines:
  m4: { price: $0.192/h, has: { cpu: 4 cores, memory: 16 GB, network: 1 Gbps } }
tiers:
  app:
    serves: session
    machine: m4
    process: one-loop
    processes: 3
    taken: { memory: { system: 700 MB, runtime: 300 MB } }
    reserves: { bursts: 20%, collection: { amount: 1 GB, of: memory } }
    buffer: { launch: 10% }
    surviveFailures: 1
costs:
  egress: { amount: online * rate, price: $0.05/GB, free: 1 TB/month }
  support: 199 EUR/month
savings:
  - { name: reserved, of: [app], share: 40% }
  - { name: cache, of: [egress], amount: $1500/month }
unitCosts: { user-month: users }
revenue: users * seat
growth:
  months: 24
  of:
    users: { rate: 5% }
stages:
  - { name: doubled, set: { users: '8,400 users' } }
claims:
  - { claim: number as it is, of: users, value: '4,200 users' }
  - { claim: without its noun, of: users, value: 4200 }
  - { claim: thousands as k, of: users, value: 4.2k users }
  - { claim: 'about 4,000', of: users, value: '~4,000 users' }
  - { claim: a range as it follows, of: online, value: 420..840 sessions }
  - { claim: typical value of a range, of: online, value: 588 sessions }
  - { claim: a range that is wider, of: online, value: 400..900 sessions }
  - { claim: more than 400, of: online, value: at least 400 sessions }
  - { claim: never more than 900, of: online, value: at most 900 sessions }
  - { claim: three loops, of: app.cpu.has, value: 3 cores }
  - { claim: 166 by processor, of: app.cpu.limit, value: 166 sessions }
  - { claim: rounded up, of: 3 cores / (1.8% cpu), value: 167, rounding: up }
  - { claim: to the nearest ten, of: app.cpu.limit, value: ~170 sessions }
  - { claim: 14 GB for sessions, of: app.memory.available, value: 14 GB }
  - { claim: the same in MB, of: app.memory.available, value: '14,000 MB' }
  - { claim: memory of one, of: session.memory, value: 6.5..8.5 MB }
  - { claim: processor before memory, holds: app.cpu.limit <= app.memory.limit }
  - { claim: 20% kept free, of: app.realistic, value: 132 sessions }
  - { claim: 20% of 166, of: app.reserve.bursts, value: 33 sessions }
  - { claim: five carry it, of: app.needed, value: 5 instances, set: { peak: 14% } }
  - { claim: and one to spare, of: app.instances, value: 6 instances, set: { peak: 14% } }
  - { claim: price of a month, of: app.price, value: $138/month }
  - { claim: price of a month to the cent, of: app.price, value: $138.24/month }
  - { claim: per day, of: app.price, value: $4.61/day }
  - { claim: bits as bytes, of: rate, value: 32 KB/s/session }
  - { claim: GiB as GB, of: bytes, value: 4.3 GB }
  - { claim: GiB as MiB, of: bytes, value: '4,096 MiB' }
  - { claim: per month, of: rate, value: 82.9 GB/month/session }
  - { claim: 'a line in euros', of: cost.support, value: 199 EUR/month }
  - { claim: 'a line in dollars', of: cost.support, value: $215/month }
  - { claim: '$15,750 come in', of: revenue, value: '$15,750/month' }
  - { claim: 'almost $16,000', of: revenue, value: '~$16,000/month' }
  - { claim: shards together, of: shards * per-shard, value: '7,900 requests/s' }
  - { claim: backlog in minutes, of: backlog, value: 1.5 min }
  - { claim: talk in hours a month, of: talk * 30 day, value: 18.5 h/user }
  - { claim: slope of the lab, of: lab.slope, value: 0.02 core/session }
  - { claim: baseline of the lab, of: lab.baseline, value: 10% cpu }
  - { claim: lag at thirty, of: lag(30 sessions), value: 150..300 ms }
  - { claim: doubled users, stage: doubled, of: users, value: '8,400 users' }
  - { claim: users of the last month, of: users, at: 24, value: '12,900 users' }
  - { claim: always more than at the start, holds: users >= 4200 users, at: [1, 6, 12, 24] }
  - { claim: 5% a month is 80% a year, of: users@13 / users@1 - 1, value: 80% }
  - { claim: '40% less for machines', of: saving.reserved / cost.app, value: 40% }
  - { claim: egress cannot save more than it costs, holds: saving.cache <= cost.egress }
  - { claim: margin is what is left, holds: margin = revenue - cost.total }
  - { claim: lag of ten and of fifty, about: lag, of: lag(10 sessions), value: 100..200 ms }
  - { claim: the same again, about: lag, value: 100..200 ms }
`

test('[CHK24] more than thirty true claims, and no false alarm', () => {
  const { claims } = checkPlan(planOf(TRUE_CLAIMS))
  assert.ok(claims.length >= 30)
  for (const { claim, verdict, sentence, slip, otherSlips } of claims) {
    assert.equal(verdict, 'ok', `${claim}: ${sentence}`)
    assert.deepEqual([slip, otherSlips], [null, []], claim)
  }
})

test('[CHK24] what is right in the plans of the five briefs is left alone', () => {
  const counts = ['live-translation', 'voice-exam', 'speech-cluster', 'glasses-cloud', 'video-call'].map((name) => {
    const { ok, wrong, notDerivable } = checkPlan(examplePlan(name))
    return [name, ok, wrong, notDerivable]
  })
  assert.deepEqual(counts, [
    ['live-translation', 25, 12, 0],
    ['voice-exam', 18, 13, 0],
    ['speech-cluster', 11, 6, 1],
    ['glasses-cloud', 5, 0, 1],
    ['video-call', 18, 33, 0],
  ])
})
