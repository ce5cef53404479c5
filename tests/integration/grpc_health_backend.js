// SPDX-License-Identifier: Apache-2.0
//
// A gRPC server with the health service of gRPC: grpc-js without generated code. `node grpc_health_backend.js NAME`
// prints its port. Each line of its input is its status from then on, which it prints then. The call test.Who/Name
// returns NAME.
const grpc = require('@grpc/grpc-js');
const readline = require('readline');

const STATUSES = {UNKNOWN: 0, SERVING: 1, NOT_SERVING: 2};
const bytes = (value) => value;
const method = (path) => ({
  path, requestStream: false, responseStream: false,
  requestSerialize: bytes, requestDeserialize: bytes, responseSerialize: bytes, responseDeserialize: bytes,
});

let status = STATUSES.SERVING;
const server = new grpc.Server();
server.addService({check: method('/grpc.health.v1.Health/Check')}, {
  check(call, reply) {
    if (call.request.length) return reply({code: grpc.status.NOT_FOUND});  // a service; it has no status of its own
    reply(null, Buffer.from([8, status]));  // field 1, a number
  },
});
server.addService({name: method('/test.Who/Name')}, {
  name: (call, reply) => reply(null, Buffer.from(process.argv[2])),
});
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(port);
  readline.createInterface({input: process.stdin}).on('line', (line) => {
    status = STATUSES[line];
    console.log(line);
  });
});
