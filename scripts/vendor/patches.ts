/**
 * What is changed in ari-client 2.2.0 and swagger-client 2.0.26 while they are bundled, and why. Each text must be found exactly
 * once: a version that reads differently fails the build instead of being bundled unpatched.
 */
interface Patch {
  readonly why: string;
  readonly find: string;
  readonly put: string;
}

export const patches: Readonly<Record<string, readonly Patch[]>> = {
  'ari-client/lib/client.js': [
    {
      why: 'native promises, with asCallback',
      find: "var Promise = require('bluebird');",
      put: "var Promise = require('bluebird').CallbackPromise;\nvar http = require('request');",
    },
    { why: 'url.parse() prints a deprecation notice', find: 'url.parse(baseUrl)', put: 'new URL(baseUrl)' },
    { why: 'the module of url.parse()', find: "var url = require('url');\n", put: '' },
    {
      why: 'credentials belong to one client, not to all clients of the process',
      find: `    swagger.authorizations.add(
      'basic-auth',
      new swagger.PasswordAuthorization(
        self._connection.hostname,
        self._connection.user,
        self._connection.pass
      )
    );
`,
      put: '',
    },
    {
      why: 'no extra request before the first one: its failure is told like any other, and all of them reject',
      find: `    request(ariUrl, function (err) {
      if (err &&
        ['ETIMEDOUT', 'ENOTFOUND', 'ECONNREFUSED'].indexOf(err.code) !== -1) {
        err.name = 'HostIsNotReachable';

        self.emit('APILoadError', err);
        reject(err);
      } else {
        self._swagger = new swagger.SwaggerApi({
          url: ariUrl,
          success: swaggerLoaded,
          failure: swaggerFailed
        });
      }
    });
`,
      put: `    self._swagger = new swagger.SwaggerApi({
      url: ariUrl,
      authorization: 'Basic ' + Buffer.from(self._connection.user + ':' + self._connection.pass).toString('base64'),
      success: swaggerLoaded,
      failure: swaggerFailed
    });
`,
    },
    { why: 'the client of that request', find: "var request = require('request');\n", put: '' },
    {
      why: 'a failed request rejects with an Error that has the status',
      find: `              if (err && err.data) {
                err = new Error(err.data.toString('utf-8'));
              }

              innerReject(err);`,
      put: '              innerReject(http.failure(err));',
    },
    {
      why: 'the application name is data, and a server that accepts but does not answer is given up',
      find: '      self._ws = new WebSocket(wsUrl);\n',
      put: `      if (self._generation !== generation) {
        return;
      }
      self._ws = new WebSocket(wsUrl, {
        handshakeTimeout: http.settings.requestTimeoutMs,
        maxPayload: 16 * 1024 * 1024,
        perMessageDeflate: false
      });
`,
    },
    { why: 'the application name is data', find: '      applications,\n', put: '      encodeURIComponent(applications),\n' },
    {
      why: 'a stopped client stays stopped: neither a scheduled reconnect nor a late event of an old socket revives it',
      find: '    // each disables the other when called.\n    resolve = _.once(resolve);\n',
      put: `    // each disables the other when called.
    var generation = self._generation = (self._generation || 0) + 1;
    self._rejectStart = reject;
    resolve = _.once(resolve);
`,
    },
    {
      why: 'the same, for a close',
      find: `      if (self._wsClosed) {
        self._wsClosed = false;

        return;
      }
`,
      put: `      if (self._generation !== generation) {
        return;
      }
`,
    },
    {
      why: 'the same, for an error',
      find: `      if (self._wsClosed) {
        return;
      }

      processingError = true;
`,
      put: `      if (self._generation !== generation) {
        return;
      }

      processingError = true;
`,
    },
    {
      why: 'a message that is no JSON, or no event, is told and not thrown; so is an event named like a signal of this client',
      find: `      var event = {};
      if (msg) {
        event = JSON.parse(msg);
      }
`,
      put: `      if (self._generation !== generation) {
        return;
      }
      var event;
      try {
        event = JSON.parse(msg);
      } catch (err) {
        self.emit('rtplat:protocol-error', new Error('an event that is not JSON', {cause: err}));
        return;
      }
      if (typeof event !== 'object' || event === null || !/^[A-Z][A-Za-z]{0,99}$/.test(event.type) || /^(APILoad|WebSocket)/.test(event.type)) {
        self.emit('rtplat:protocol-error', new Error('a message that is not an event'));
        return;
      }
`,
    },
    {
      why: 'an event type that the API description does not have is passed on as it is',
      find: '      _.each(eventModel.properties, function (prop) {',
      put: '      _.each(eventModel ? eventModel.properties : [], function (prop) {',
    },
    {
      why: 'null is a value that an event may have where a resource is due',
      find: '            event[prop.name] !== undefined &&',
      put: "            typeof event[prop.name] === 'object' && event[prop.name] !== null &&",
    },
    {
      why: 'stopping before the first connection, during a reconnect, and on a frozen server, which never answers the close',
      find: '  self._ws.close();\n  self._wsClosed = true;\n',
      put: `  self._generation = (self._generation || 0) + 1;
  if (self._rejectStart) {
    self._rejectStart(new Error('stopped'));
  }
  var ws = self._ws;
  if (ws) {
    ws.close();
    setTimeout(function () {
      ws.terminate();
    }, 1000).unref();
  }
`,
    },
    {
      why: 'a ping between two connections is no error',
      find: '  if (self._ws === undefined || self._wsClosed) {',
      put: '  if (self._ws === undefined || self._ws.readyState !== WebSocket.OPEN) {',
    },
    {
      why: 'an address that cannot be parsed rejects',
      find: '  var client = new Client(baseUrl, user, pass);\n',
      put: `  var client;
  try {
    client = new Client(baseUrl, user, pass);
  } catch (err) {
    return Promise.reject(err).asCallback(callback);
  }
`,
    },
  ],
  'ari-client/lib/resources.js': [
    {
      why: 'native promises, with asCallback',
      find: "var Promise = require('bluebird');",
      put: "var Promise = require('bluebird').CallbackPromise;\nvar http = require('request');",
    },
    {
      why: 'a failed request rejects with an Error that has the status',
      find: `          if (err && err.data) {
            err = new Error(err.data.toString('utf-8'));
          }

          reject(err);`,
      put: '          reject(http.failure(err));',
    },
  ],
  'swagger-client/lib/swagger.js': [
    {
      why: 'its working variables are its own, not globals of the process',
      find: '// swagger.js\n// version 2.0.26\n',
      put: `'use strict';
var consumes, headers, k, key, log, method, model, nav, o, obj, op, operation, output, param, parameter, prop, produces, r, ref, res, resource,
  responseMessages, result, status, type, value;
`,
    },
    {
      why: 'a library does not write to the console',
      find: `  if(this.console){
    console.log( Array.prototype.slice.call(arguments) );
  }
`,
      put: '',
    },
    {
      why: 'a library keeps no log in memory either',
      find: '  log.history = log.history || [];\n  log.history.push(arguments);\n',
      put: '',
    },
    {
      why: 'the notice about Swagger 1.1, which is what Asterisk speaks',
      find: `  log("This API is using a deprecated version of Swagger!  Please see http://github.com/wordnik/swagger-core/wiki for more info");\n`,
      put: '',
    },
    {
      why: 'a failure is told once and never thrown into the event loop',
      find: '  this.failure(message);\n  throw message;\n',
      put: "  this.failure(require('request').failure(message));\n",
    },
    {
      why: 'a failure carries the answer',
      find: `        if (_this.url.substring(0, 4) !== 'http') {
          return _this.fail('Please specify the protocol for ' + _this.url);
        } else if (response.status === 0) {
          return _this.fail('Can\\'t read from server.  It may not have the appropriate access-control-origin settings.');
        } else if (response.status === 404) {
          return _this.fail('Can\\'t read swagger JSON from ' + _this.url);
        } else {
          return _this.fail(response.status + ' : ' + response.statusText + ' ' + _this.url);
        }
`,
      put: '        return _this.fail(response);\n',
    },
    {
      why: 'the same, for a resource',
      find: `          return _this.api.fail("Unable to read api '" +
            _this.name + "' from path " + _this.url + " (server returned " + response.statusText + ")");
`,
      put: '          return _this.api.fail(response);\n',
    },
    {
      why: 'what a client is given to authorize itself with',
      find: '  this.authorizationScheme = null;\n',
      put: '  this.authorization = (url||options).authorization;\n',
    },
    {
      why: 'each API has its own credentials: the list of resources',
      find: `  var e = (typeof window !== 'undefined' ? window : exports);
  e.authorizations.apply(obj);
`,
      put: '  obj.headers.Authorization = this.authorization;\n',
    },
    {
      why: 'each API has its own credentials: a resource',
      find: `    var e = typeof window !== 'undefined' ? window : exports;
    e.authorizations.apply(obj);
`,
      put: '    obj.headers.Authorization = this.api.authorization;\n',
    },
    {
      why: 'each API has its own credentials: an operation',
      find: `    var e;
    if (typeof window !== 'undefined') {
      e = window;
    } else {
      e = exports;
    }
    status = e.authorizations.apply(obj, this.operation.authorizations);
`,
      put: '    obj.headers.Authorization = this.operation.resource.api.authorization;\n    status = null;\n',
    },
    {
      why: 'a missing parameter rejects with an Error',
      find: '        throw "" + param.name + " is a required path param.";',
      put: '        throw new Error(param.name + " is a required path param.");',
    },
    {
      why: 'examples for a documentation page, made anew for each operation',
      find: `    this.responseClassSignature = this.getSignature(this.type, this.resource.models);
    this.responseSampleJSON = this.getSampleJSON(this.type, this.resource.models);
`,
      put: '',
    },
    {
      why: 'examples for a documentation page, made anew for each parameter',
      find: `    param.signature = this.getSignature(type, this.resource.models);
    param.sampleJSON = this.getSampleJSON(type, this.resource.models);
`,
      put: '',
    },
    {
      why: 'one HTTP client',
      find: `  if(obj && (typeof obj.useJQuery === 'boolean'))
    this.useJQuery = obj.useJQuery;
  else
    this.useJQuery = this.isIE8();

  if(this.useJQuery)
    return new JQueryHttpClient().execute(obj);
  else
    return new ShredHttpClient().execute(obj);
`,
      put: "  return require('request').execute(obj);\n",
    },
    {
      why: 'what is cut below',
      find: `e.authorizations = new SwaggerAuthorizations();
e.ApiKeyAuthorization = ApiKeyAuthorization;
e.PasswordAuthorization = PasswordAuthorization;
e.JQueryHttpClient = JQueryHttpClient;
e.ShredHttpClient = ShredHttpClient;
`,
      put: '',
    },
  ],
};

/** Stretches that go, from the first text up to the second, which stays. */
export const cuts: Readonly<Record<string, readonly { readonly from: string; readonly to: string }[]>> = {
  'swagger-client/lib/swagger.js': [
    {
      // The HTTP clients for browsers and for shred, and the authorizations, which all clients of a process would share.
      from: "/*\n * JQueryHttpClient lets a browser take advantage of JQuery's cross-browser magic\n",
      to: "var e = (typeof window !== 'undefined' ? window : exports);\n\ne.SwaggerHttp",
    },
  ],
};

/** @throws Error naming the file and the patch whose text is not there exactly once. */
export function patch(file: string, source: string): string {
  let text = source;
  for (const { why, find, put } of patches[file] ?? []) {
    only(file, why, text, find);
    text = text.replace(find, () => put);
  }
  for (const { from, to } of cuts[file] ?? []) {
    only(file, 'a cut', text, from);
    only(file, 'a cut', text, to);
    text = text.slice(0, text.indexOf(from)) + text.slice(text.indexOf(to));
  }
  return text;
}

function only(file: string, why: string, text: string, find: string): void {
  const found = text.split(find).length - 1;
  if (found !== 1) throw new Error(`${file}: the text to patch (${why}) is there ${found} times: ${JSON.stringify(find.slice(0, 80))}`);
}
