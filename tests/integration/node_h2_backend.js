// SPDX-License-Identifier: Apache-2.0
//
// An HTTP/2 backend for the tests: prints its port, and does what the path says. In clear, or with
// TLS when it is given the files of a certificate and its key: it then takes upgrades of HTTP/1.1 as well.
const crypto = require('crypto');
const fs = require('fs');
const http2 = require('http2');

const [certificate, key] = process.argv.slice(2);
const settings = {enableConnectProtocol: true};
const server = certificate ?
    http2.createSecureServer(
        {cert: fs.readFileSync(certificate), key: fs.readFileSync(key), allowHTTP1: true, settings}) :
    http2.createServer({settings});
let connections = 0;
let held = 0;
let lastReset = 0;

const paths = {
  '/echo': (stream) => {
    stream.respond({':status': 200});
    stream.pipe(stream);
  },
  '/digest': (stream) => {
    const hash = crypto.createHash('md5');
    stream.on('data', (data) => hash.update(data));
    stream.on('end', () => {
      stream.respond({':status': 200});
      stream.end(hash.digest('hex'));
    });
  },
  '/trailers': (stream) => {
    stream.respond({':status': 200, 'content-length': 5}, {waitForTrailers: true});
    stream.on('wantTrailers', () => stream.sendTrailers({'x-t': 'v'}));
    stream.end('hello');
  },
  '/trailers-only': (stream) => {
    stream.respond({':status': 200, 'content-type': 'application/grpc', 'grpc-status': '5'}, {endStream: true});
  },
  '/hints': (stream) => {
    stream.additionalHeaders({':status': 103, link: '</a>'});
    stream.respond({':status': 200});
    stream.end('ok');
  },
  '/reset': (stream) => stream.close(http2.constants.NGHTTP2_ENHANCE_YOUR_CALM),
  '/reset-inside': (stream) => {
    stream.respond({':status': 200});
    // Not through close(), which would end the stream politely first.
    stream.write('part', () => setTimeout(() => stream.destroy(new Error('INTERNAL_ERROR')), 20));
  },
  '/hold': (stream) => {
    ++held;
    stream.on('close', () => {
      --held;
      lastReset = stream.rstCode;
    });
    stream.respond({':status': 200});
    stream.write('x');
  },
  '/held': (stream) => {
    stream.respond({':status': 200});
    stream.end(String(held));
  },
  '/last-reset': (stream) => {
    stream.respond({':status': 200});
    stream.end(String(lastReset));
  },
  '/not-over-http2': (stream) => stream.close(http2.constants.NGHTTP2_HTTP_1_1_REQUIRED),
  // Serves the streams before this one, and none any more after them.
  '/no-more-http2': (stream) => stream.session.goaway(http2.constants.NGHTTP2_HTTP_1_1_REQUIRED, stream.id - 2),
  '/connections': (stream) => {
    stream.respond({':status': 200});
    stream.end(String(connections));
  },
  '/goaway': (stream) => {
    stream.respond({':status': 200});
    stream.end('bye');
    stream.session.close();
  },
};

server.on('session', () => ++connections);
server.on('stream', (stream, headers) => {
  stream.on('error', () => {});
  if (headers[':method'] === 'CONNECT') {
    stream.respond({':status': 200});
    stream.pipe(stream);
    return;
  }
  const answer = paths[headers[':path']];
  if (answer) {
    answer(stream, headers);
    return;
  }
  stream.resume();
  stream.respond({':status': 200, 'content-type': 'application/json'});
  stream.end(JSON.stringify(headers));
});
// Requests of HTTP/1.1. Those of HTTP/2 come this way too, beside their streams.
if (certificate) server.on('request', (request, response) => {
  if (request.httpVersion === '2.0') return;
  const hash = crypto.createHash('md5');
  request.on('data', (data) => hash.update(data));
  request.on('end', () => response.end(`${request.method} ${request.url} ${hash.digest('hex')}`));
});
server.on('upgrade', (request, socket) => {
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  socket.pipe(socket);
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
