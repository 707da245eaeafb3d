// Exercises a cluster with the official Node.js client: node client.js HOST PORT NODES [options].
//
// Options say how to get in: with a user, through TLS, by alternate addresses. A user that is given
// has to be a user-admin as well.
//
// Prints a line for each step and "all passed" at the end; any other end is a failure. Time limits
// are the caller's business.
'use strict'

const Aerospike = require('aerospike')
const assert = require('node:assert/strict')
const path = require('node:path')
const { parseArgs } = require('node:util')

const { batchType, exp, operations: op, policy: policies, status } = Aerospike
const { values: access, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    user: { type: 'string' },
    password: { type: 'string' },
    auth: { type: 'string', default: 'internal' },
    'tls-name': { type: 'string' },
    'tls-ca': { type: 'string' },
    'tls-cert': { type: 'string' },
    'tls-key': { type: 'string' },
    alternate: { type: 'boolean', default: false }
  }
})
const [host, port, nodes] = [positionals[0], Number(positionals[1]), Number(positionals[2])]
const NS = 'test'
const SET = 'demo'
const ROWS = 500

const key = (value) => new Aerospike.Key(NS, SET, value)

async function refused (code, promise) {
  await assert.rejects(promise, (error) => {
    assert.equal(error.code, code, error.message)
    return true
  })
}

async function until (condition) {
  const end = Date.now() + 20000
  while (!await condition()) {
    assert(Date.now() < end, 'waited too long')
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

// All answers to an info command, without the command.
async function answers (client, command) {
  const found = await client.infoAll(command)
  assert.equal(found.length, nodes)
  return found.map(({ info }) => info.trim().split('\t')[1] ?? '')
}

function drain (stream) {
  return new Promise((resolve, reject) => {
    const all = []
    stream.on('data', record => all.push(record))
    stream.on('error', reject)
    stream.on('end', state => resolve({ all, state }))
  })
}

async function scan (client, options) {
  const { all } = await drain(client.scan(NS, SET, options).foreach())
  return all
}

const steps = {
  async info (client) {
    assert.equal(client.getNodes().length, nodes)
    assert.deepEqual(new Set(await answers(client, 'build')), new Set(['8.1.2.0']))
    assert.deepEqual(new Set(await answers(client, 'namespaces')), new Set([NS]))
    const ids = new Set(await answers(client, 'node'))
    assert.deepEqual(ids, new Set(client.getNodes().map(({ name }) => name)))
  },

  async 'put and get' (client) {
    const bins = {
      int: -5,
      str: 'żółw',
      dbl: 0.5,
      bool: true,
      blob: Buffer.from([0, 255]),
      list: [1, 'a', [2.5, null]],
      map: { b: 1, a: { c: [1] } },
      geo: new Aerospike.GeoJSON({ type: 'Point', coordinates: [1.5, 2.5] })
    }
    const send = new policies.WritePolicy({ key: policies.key.SEND })
    await client.put(key('k'), bins, {}, send)
    const record = await client.get(key('k'))
    assert.equal(record.gen, 1)
    const { geo, ...others } = record.bins
    assert.deepEqual(JSON.parse(geo.toString ? geo.toString() : geo), bins.geo.toJSON())
    delete bins.geo
    assert.deepEqual({ ...others }, bins)
    assert.deepEqual({ ...(await client.select(key('k'), ['int'])).bins }, { int: -5 })
    assert.equal(await client.exists(key('k')), true)
    assert.equal(await client.exists(key('none')), false)
    await refused(status.ERR_RECORD_NOT_FOUND, client.get(key('none')))
  },

  async policies (client) {
    const put = (options, meta = {}, name = 'k') =>
      client.put(key(name), { a: 1 }, meta, new policies.WritePolicy(options))
    const { CREATE, UPDATE, REPLACE } = policies.exists
    await refused(status.ERR_RECORD_EXISTS, put({ exists: CREATE }))
    await refused(status.ERR_RECORD_NOT_FOUND, put({ exists: UPDATE }, {}, 'none'))
    await refused(status.ERR_RECORD_GENERATION, put({ gen: policies.gen.EQ }, { gen: 7 }))
    await refused(status.ERR_RECORD_GENERATION, put({ gen: policies.gen.GT }, { gen: 1 }))
    await put({ gen: policies.gen.EQ }, { gen: 1 })
    await put({ exists: REPLACE })
    assert.deepEqual({ ...(await client.get(key('k'))).bins }, { a: 1 })
  },

  async 'ttl and touch' (client) {
    const lives = async (seconds) => {
      const { ttl } = await client.get(key('ttl'))
      assert(ttl <= seconds && ttl > seconds - 10, `ttl ${ttl}`)
    }
    await client.put(key('ttl'), { a: 1 }, { ttl: 1000 })
    await lives(1000)
    await client.operate(key('ttl'), [op.touch(5000)])
    await lives(5000)
    await refused(status.ERR_RECORD_NOT_FOUND, client.operate(key('none'), [op.touch(1)]))
  },

  async operate (client) {
    await client.put(key('op'), { n: 1, s: 'b' })
    await client.incr(key('op'), { n: 4 })
    await client.append(key('op'), { s: 'c' })
    await client.prepend(key('op'), { s: 'a' })
    const ops = [op.incr('n', 1), op.read('n'), op.read('s')]
    assert.deepEqual({ ...(await client.operate(key('op'), ops)).bins }, { n: 6, s: 'abc' })
    await client.put(key('op'), { n: null })
    assert.deepEqual({ ...(await client.get(key('op'))).bins }, { s: 'abc' })
  },

  async batches (client) {
    const type = batchType.BATCH_WRITE
    const row = (i) => [op.write('i', i), op.write('s', 'x'.repeat(i))]
    const writes = Array.from({ length: ROWS }, (_, i) => ({ type, key: key(i), ops: row(i) }))
    const codes = (results) => [...new Set(results.map(result => result.status))]
    assert.deepEqual(codes(await client.batchWrite(writes)), [status.OK])
    const policy = new policies.BatchWritePolicy({ exists: policies.exists.CREATE })
    for (const count of [1, 3]) {
      const again = writes.slice(0, count).map(write => ({ ...write, policy }))
      // Whether refused rows make the whole call fail is the client's choice.
      const results = await client.batchWrite(again)
      assert.deepEqual(codes(results), [status.ERR_RECORD_EXISTS])
    }
    const asked = [3, 4, 9999].map(i => (
      { type: batchType.BATCH_READ, key: key(i), readAllBins: true }))
    const reads = await client.batchRead(asked)
    const { OK, ERR_RECORD_NOT_FOUND } = status
    assert.deepEqual(reads.map(read => read.status), [OK, OK, ERR_RECORD_NOT_FOUND])
    assert.deepEqual({ ...reads[1].record.bins }, { i: 4, s: 'xxxx' })
    const [one] = await client.batchRead([{ ...asked[0], readAllBins: false, bins: ['i'] }])
    assert.deepEqual({ ...one.record.bins }, { i: 3 })
    const old = Array.from({ length: 100 }, (_, i) => key(ROWS - 100 + i))
    assert.deepEqual(codes(await client.batchRemove(old)), [OK])
    assert.deepEqual(codes(await client.batchRemove(old.slice(0, 3))), [ERR_RECORD_NOT_FOUND])
  },

  async scan (client) {
    const left = ROWS - 100 + 3 // "k", "ttl" and "op" are in the set as well
    const all = await scan(client, {})
    assert.equal(all.length, left)
    const keys = all.map(record => record.key.key).filter(value => value != null)
    assert.deepEqual(keys, ['k'], 'only one key was stored')
    assert.equal((await scan(client, { select: ['i'] })).length, ROWS - 100)
    const bare = await scan(client, { nobins: true })
    assert(bare.every(record => Object.keys(record.bins ?? {}).length === 0))
    const query = client.query(NS, SET, { paginate: true, maxRecords: 50 })
    let total = 0
    do {
      const page = await drain(query.foreach())
      assert(page.all.length <= 50)
      total += page.all.length
      query.queryState = page.state
    } while (query.queryState !== undefined)
    assert.equal(total, left)
  },

  async index (client) {
    const create = (bin, datatype) => client.createIndex({ ns: NS, set: SET, bin, index: 'ix', datatype })
    const { NUMERIC, STRING } = Aerospike.indexDataType
    const job = await create('i', NUMERIC)
    await job.waitUntilDone(20)
    await refused(status.ERR_INDEX_FOUND, create('s', STRING))
    const byExpression = { ns: NS, set: SET, index: 'ix_exp', exp: exp.binInt('i'), datatype: NUMERIC }
    await client.createExpIndex(byExpression)
    for (const name of ['ix', 'ix_exp']) {
      await client.indexRemove(NS, name)
    }
    await until(async () => (await answers(client, 'sindex-list:namespace=test')).every(text => !text))
  },

  async 'index queries' (client) {
    const { NUMERIC, STRING } = Aerospike.indexDataType
    for (const [bin, datatype] of [['i', NUMERIC], ['s', STRING]]) {
      const job = await client.createIndex({ ns: NS, set: SET, bin, index: `q_${bin}`, datatype })
      await job.waitUntilDone(20)
    }
    const queried = async (filter) => {
      const { all } = await drain(client.query(NS, SET, { filters: [filter] }).foreach())
      return all.map(({ bins }) => bins.i).sort((a, b) => a - b)
    }
    const { filter } = Aerospike
    const ten = Array.from({ length: 10 }, (_, i) => i + 10)
    assert.deepEqual(await queried(filter.range('i', 10, 19)), ten)
    assert.deepEqual(await queried(filter.equal('s', 'xxxx')), [4])
    await assert.rejects(queried(filter.equal('none', 1)))
    for (const name of ['q_i', 'q_s']) {
      await client.indexRemove(NS, name)
    }
  },

  async 'background writes' (client) {
    const job = await client.query(NS, SET).operate([op.write('background', 1)])
    await job.waitUntilDone(20)
    const all = await scan(client, {})
    assert(all.every(({ bins }) => bins.background === 1))
  },

  async udf (client) {
    const registered = await client.udfRegister(path.join(__dirname, 'sample.lua'))
    await registered.waitUntilDone(20)
    const listed = await answers(client, 'udf-list')
    assert(listed.every(text => text.includes('filename=sample.lua,')), listed)
    const removed = await client.udfRemove('sample.lua')
    await removed.waitUntilDone(20)
    assert((await answers(client, 'udf-list')).every(text => !text))
  },

  async truncate (client) {
    await client.remove(key('k'))
    await refused(status.ERR_RECORD_NOT_FOUND, client.remove(key('k')))
    await client.truncate(NS, SET, 0)
    await until(async () => (await scan(client, {})).length === 0)
  }
}

const administration = {
  async 'users and roles' (client) {
    const { privilegeCode: code, admin } = Aerospike
    await client.createRole('readers', [new admin.Privilege(code.READ, { namespace: NS, set: SET })],
      null, ['127.0.0.0/8'])
    const role = await client.queryRole('readers')
    assert.equal(role.privileges[0].code, code.READ)
    assert.deepEqual(role.whitelist, ['127.0.0.0/8'])
    await client.createUser('reader', 'first', ['readers'])
    await client.grantRoles('reader', ['truncate'])
    if (access.auth === 'internal') {
      await client.changePassword(access.user, access.password) // this client can change its own only
    }
    await until(async () => (await client.queryUser('reader')).roles.length === 2)
    await refused(61, client.createUser('reader', 'first', ['readers']))
    await client.dropUser('reader')
    await client.dropRole('readers')
    const roles = await client.queryRoles()
    assert(roles.every(({ name }) => name !== 'readers'))
  }
}

function configuration () {
  const { auth } = Aerospike
  const modes = { internal: auth.INTERNAL, external: auth.EXTERNAL, pki: auth.AUTH_PKI }
  const config = {
    hosts: [{ addr: host, port, tlsname: access['tls-name'] }],
    log: { level: Aerospike.log.OFF },
    authMode: modes[access.auth],
    user: access.user,
    password: access.password,
    useAlternateAccessAddress: access.alternate
  }
  if (access['tls-ca']) {
    const [certfile, keyfile] = [access['tls-cert'], access['tls-key']]
    config.tls = { enable: true, cafile: access['tls-ca'], ...(certfile && { certfile, keyfile }) }
  }
  return new Aerospike.Config(config)
}

async function main () {
  const config = configuration()
  const all = access.user ? { ...steps, ...administration } : steps
  const client = await Aerospike.connect(config)
  try {
    for (const [name, step] of Object.entries(all)) {
      console.log(name)
      await step(client)
    }
  } finally {
    client.close()
  }
  console.log('all passed')
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
