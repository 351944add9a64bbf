// Loaded before an SDK that knows its provider's host by heart: connections to that host go to the sandbox, as an entry in a hosts
// file and a forwarded port would make them. The TLS handshake stays: the SDK asks for the provider's name, and the sandbox's
// certificate, trusted through NODE_EXTRA_CA_CERTS, has to be good for it. An SDK that brings its own list of authorities (Mollie's)
// gets the sandbox's added to it.
import { readFileSync } from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';

const { url, hosts = [] } = JSON.parse(process.env.QUITTANCE_SANDBOX ?? '{}');

if (url?.startsWith('https:')) {
  const { port } = new URL(url);
  const connect = net.Socket.prototype.connect;
  net.Socket.prototype.connect = function (...args) {
    const options = Array.isArray(args[0]) ? args[0][0] : args[0];
    if (hosts.includes(options?.host) && Number(options.port) === 443) {
      options.servername ??= options.host;
      options.host = '127.0.0.1';
      options.port = Number(port);
    }
    return connect.apply(this, args);
  };

  const authority = readFileSync(process.env.NODE_EXTRA_CA_CERTS, 'utf8');
  const createSecureContext = tls.createSecureContext;
  tls.createSecureContext = (options) => createSecureContext(options?.ca ? { ...options, ca: [options.ca, authority].flat() } : options);
}
