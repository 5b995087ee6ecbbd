// The API for `import`: the same objects as `require` gives, so that an error of one is an instance of the other's class.
import styxy from './index.js';

export default styxy;
export const {
  allocate,
  release,
  check,
  suggest,
  list,
  scan,
  instances,
  register,
  heartbeat,
  unregister,
  cleanup,
  status,
  listen,
  events,
  connect,
  Client,
  Lease,
  StyxyError,
} = styxy;
