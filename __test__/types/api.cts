// The API as CommonJS modules use it. Only checked, never run.

import styxy = require('styxy');

export async function commonJs(): Promise<number> {
  const lease: styxy.Lease = await styxy.allocate({ service: 'dev' });
  const [again] = await styxy.default.allocate([{ service: 'dev' }]);
  const error = new styxy.StyxyError('no', { code: 'no_free_port', hint: null, details: {} });
  return lease.port + again.port + error.code.length;
}
