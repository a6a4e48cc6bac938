/**
 * signer-service over a chain of 1-second blocks: admission, one lane and four, latencies, cost per transfer, a restart with much to do, memory.
 * Beside the lanes, on the same chain in the same run, a bare loop that only signs and sends. `--quick` is short; `--pending=10000` and
 * `--transactions=100000` are long.
 */
import { isQuick } from './gateway/report.ts'
import { measureAdmission, measureIdle } from './signer/admission.ts'
import { openSignerHouse } from './signer/house.ts'
import { measureLanes, type LaneRate } from './signer/lane-rate.ts'
import { measureRestart, residentMb } from './signer/restart.ts'
import { measureStatusLag } from './signer/status-lag.ts'
import { allAre, approve } from './signer/transfers.ts'
import { table } from './table.ts'

const option = (name: string, otherwise: number): number => Number(process.argv.find((arg) => arg.startsWith(`--${name}=`))?.split('=')[1] ?? otherwise)
const transfers = option('transfers', isQuick ? 400 : 2_000)
const pending = option('pending', isQuick ? 300 : 1_000)
const transactions = option('transactions', isQuick ? 500 : 5_000)

/** Transfers a second: half of what one lane must do. */
const ordinaryRate = 50

const one = (value: number): string => value.toFixed(1)
const share = (part: number, whole: number): string => `${(part / whole * 100).toFixed(0)} %`
const aims = { 1: { floor: 100, aim: 150, part: '50 %' }, 4: { floor: 150, aim: 200, part: '70 %' } } as Readonly<Record<number, { floor: number, aim: number, part: string }>>

const house = await openSignerHouse(4)
try {
  let signer = await house.start()
  const { full, alone } = await measureAdmission(house, isQuick ? 2_000 : 6_000)
  const idleMs = await measureIdle(house, isQuick ? 3 : 11)
  const lagMs = await measureStatusLag(house, ordinaryRate, isQuick ? 3_000 : 10_000)
  const lanes: LaneRate[] = []
  for (const count of [1, 4]) lanes.push(await measureLanes(house, signer, count, transfers))
  const restart = await measureRestart(house, signer, pending)
  signer = restart.signer
  const memory = [residentMb(signer.pid)]
  for (let done = 0; done < transactions; done += transactions / 5) {
    await allAre(house, await approve(house, transactions / 5, house.wallets), ['confirmed'], 600_000)
    memory.push(residentMb(signer.pid))
  }

  process.stdout.write(`The signer${isQuick ? ', quick: no figures' : ''}: native transfers, blocks of 1 s, 2 confirmations\n\n${table([
    { path: 'admission, 50 in flight', figure: `${one(full.perSecond)}/s`, 'floor, aim': '400, 800', note: `p50 ${one(full.p50)} ms; CPU ms ${cpu(full.cpuMs)}` },
    { path: 'admission, one in flight, p50', figure: `${one(alone.p50)} ms`, 'floor, aim': 'under 10 ms', note: `p99 ${one(alone.p99)} ms` },
    { path: 'approval to broadcast, idle, p50', figure: `${one(idleMs)} ms`, 'floor, aim': 'under 60 ms', note: '' },
    { path: `status behind the chain, p50, at ${ordinaryRate} transfers/s`, figure: `${one(lagMs)} ms`, 'floor, aim': 'under 500 ms', note: '' },
    ...lanes.flatMap(({ lanes: count, perSecond, bareKms, bareLocal, rpcPerTransfer, signsPerTransfer, cpuMs, behindMs, byMethod }) => [
      { path: `${count} lane${count === 1 ? '' : 's'}, approved to confirmed`, figure: `${one(perSecond)}/s`, 'floor, aim': `${aims[count]?.floor}, ${aims[count]?.aim}, ${aims[count]?.part} of bare`, note: `${share(perSecond, bareKms)} of the bare loop over KMS (${one(bareKms)}/s), ${share(perSecond, bareLocal)} of the one with local keys (${one(bareLocal)}/s)` },
      { path: '· cost of one', figure: `${rpcPerTransfer.toFixed(2)} RPC, ${signsPerTransfer.toFixed(2)} signs`, 'floor, aim': '3 RPC, 1 sign', note: `CPU ms ${cpu(cpuMs)}; ${Object.entries(byMethod).map(([method, count]) => `${method} ${count.toFixed(2)}`).join(', ')}` },
      { path: '· status behind the chain, p50, a backlog as fast as it goes', figure: `${one(behindMs)} ms`, 'floor, aim': 'under 500 ms', note: '' }
    ]),
    { path: `killed with ${restart.pending} pending: first one final`, figure: `${one(restart.movingMs / 1_000)} s`, 'floor, aim': '10 s for 10 000', note: `serving after ${one(restart.servingMs / 1_000)} s, all done after ${one(restart.doneMs / 1_000)} s` },
    { path: `resident memory over ${transactions} transactions`, figure: `${memory.map((mb) => mb.toFixed(0)).join(' ')} MB`, 'floor, aim': 'flat', note: 'at the start and after each fifth, admission included' }
  ])}\n\n`)
} finally {
  await house.close()
}

function cpu (ms: Readonly<Record<string, number>>): string {
  return Object.entries(ms).map(([name, value]) => `${name} ${value.toFixed(2)}`).join(', ')
}
