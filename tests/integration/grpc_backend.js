// SPDX-License-Identifier: Apache-2.0
//
// A gRPC server for the tests, and a client that calls it through a proxy: grpc-js without generated
// code, messages are plain bytes. `node grpc_backend.js` prints the server's port;
// `node grpc_backend.js ADDRESS [CA]` runs every check against ADDRESS and prints what failed; over TLS,
// when CA is the file of an authority to trust.
const assert = require('assert');
const fs = require('fs');
const grpc = require('@grpc/grpc-js');

const bytes = (value) => value;
const method = (name, requestStream, responseStream) => ({
  path: `/test.Echo/${name}`, requestStream, responseStream,
  requestSerialize: bytes, requestDeserialize: bytes, responseSerialize: bytes, responseDeserialize: bytes,
});
const service = {
  unary: method('unary', false, false), collect: method('collect', true, false),
  spread: method('spread', false, true), chat: method('chat', true, true),
  fail: method('fail', false, false), hang: method('hang', false, false), cancelled: method('cancelled', false, false),
};

function serve() {
  let cancelled = 0;
  const server = new grpc.Server({'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1});
  server.addService(service, {
    unary(call, reply) {
      const metadata = new grpc.Metadata();
      for (const key of ['x-text', 'x-raw-bin']) {
        for (const value of call.metadata.get(key)) metadata.add(key, value);
      }
      call.sendMetadata(metadata);
      reply(null, call.request, metadata);
    },
    collect(call, reply) {
      const parts = [];
      call.on('data', (part) => parts.push(part));
      call.on('end', () => reply(null, Buffer.concat(parts)));
    },
    spread(call) {
      for (const byte of call.request) call.write(Buffer.from([byte]));
      call.end();
    },
    chat(call) {
      call.on('data', (part) => call.write(part));
      call.on('end', () => call.end());
    },
    fail(call, reply) {
      const metadata = new grpc.Metadata();
      metadata.add('x-why', 'because');
      reply({code: grpc.status.NOT_FOUND, details: 'nothing here: 100 %', metadata});
    },
    hang(call) {
      call.on('cancelled', () => ++cancelled);
    },
    cancelled(call, reply) {
      reply(null, Buffer.from(String(cancelled)));
    },
  });
  server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
    if (error) throw error;
    console.log(port);
  });
}

async function check(address, authority) {
  const Client = grpc.makeGenericClientConstructor(service, 'Echo');
  const credentials = authority ?
    grpc.credentials.createSsl(fs.readFileSync(authority)) : grpc.credentials.createInsecure();
  const client = new Client(address, credentials,
    {'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1});
  const call = (name, message, ...more) => new Promise((resolve, reject) => {
    const result = {};
    const options = more.pop() || {};
    const running = client[name](message, options.metadata || new grpc.Metadata(), {deadline: options.deadline},
      (error, answer) => { result.error = error; result.answer = answer; });
    running.on('metadata', (metadata) => { result.metadata = metadata; });
    running.on('status', (status) => { result.status = status; resolve(result); });
    if (options.started) options.started(running);
  });

  const checks = {
    async unary() {
      const metadata = new grpc.Metadata();
      metadata.add('x-text', 'one');
      metadata.add('x-raw-bin', Buffer.from([0, 255, 13, 10]));
      const got = await call('unary', Buffer.from('hello'), {metadata});
      assert.strictEqual(got.answer.toString(), 'hello');
      for (const map of [got.metadata, got.status.metadata]) {
        assert.deepStrictEqual(map.get('x-text'), ['one']);
        assert.deepStrictEqual(map.get('x-raw-bin'), [Buffer.from([0, 255, 13, 10])]);
      }
    },
    async empty() {
      assert.strictEqual((await call('unary', Buffer.alloc(0))).answer.length, 0);
    },
    async large() {
      const large = Buffer.alloc(8 * 1024 * 1024, 'x');
      assert.ok((await call('unary', large)).answer.equals(large));
    },
    collect: () => new Promise((resolve, reject) => {
      const stream = client.collect((error, answer) => {
        if (error) reject(error);
        else resolve(assert.strictEqual(answer.toString(), 'abc'));
      });
      for (const part of 'abc') stream.write(Buffer.from(part));
      stream.end();
    }),
    spread: () => new Promise((resolve, reject) => {
      const parts = [];
      const stream = client.spread(Buffer.from('abc'));
      stream.on('data', (part) => parts.push(part.toString()));
      stream.on('error', reject);
      stream.on('end', () => resolve(assert.deepStrictEqual(parts, ['a', 'b', 'c'])));
    }),
    // Each message is sent once the one before has come back.
    chat: () => new Promise((resolve, reject) => {
      let round = 0;
      const stream = client.chat();
      stream.on('data', (part) => {
        assert.strictEqual(part.toString(), `round ${round}`);
        if (++round < 20) stream.write(Buffer.from(`round ${round}`));
        else stream.end();
      });
      stream.on('error', reject);
      stream.on('end', () => resolve(assert.strictEqual(round, 20)));
      stream.write(Buffer.from('round 0'));
    }),
    async error() {
      const {error, status} = await call('fail', Buffer.from('x'));
      assert.strictEqual(error.code, grpc.status.NOT_FOUND);
      assert.strictEqual(error.details, 'nothing here: 100 %');
      assert.deepStrictEqual(status.metadata.get('x-why'), ['because']);
    },
    async deadline() {
      const {error} = await call('hang', Buffer.from('x'), {deadline: Date.now() + 300});
      assert.strictEqual(error.code, grpc.status.DEADLINE_EXCEEDED);
    },
    async cancel() {
      const before = Number((await call('cancelled', Buffer.alloc(0))).answer);
      const {error} = await call('hang', Buffer.from('x'), {
        started: (running) => setTimeout(() => running.cancel(), 100),
      });
      assert.strictEqual(error.code, grpc.status.CANCELLED);
      for (let i = 0; i < 100; ++i) {
        if (Number((await call('cancelled', Buffer.alloc(0))).answer) > before) return;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      assert.fail('the server was not told');
    },
    async hundredAtOnce() {
      const calls = Array.from({length: 100}, (_, i) => call('unary', Buffer.from(`call ${i}`)));
      const answers = await Promise.all(calls);
      answers.forEach(({answer}, i) => assert.strictEqual(answer.toString(), `call ${i}`));
    },
  };
  let failed = 0;
  for (const [name, run] of Object.entries(checks)) {
    try {
      await run();
    } catch (error) {
      ++failed;
      console.log(`${name}: ${error.stack || error}`);
    }
  }
  client.close();
  console.log(`${Object.keys(checks).length - failed} of ${Object.keys(checks).length} passed`);
  process.exit(failed ? 1 : 0);
}

async function checkDead(address) {
  const Client = grpc.makeGenericClientConstructor(service, 'Echo');
  const client = new Client(address, grpc.credentials.createInsecure());
  client.unary(Buffer.from('x'), (error) => {
    console.log(`${error.code} ${error.details}`);
    process.exit(0);
  });
}

if (process.argv[3] === 'dead') checkDead(process.argv[2]);
else if (process.argv[2]) check(process.argv[2], process.argv[3]);
else serve();
