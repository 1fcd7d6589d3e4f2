// Lets a request pass that carries the maintenance header. Of its value only the digest is known here.
import crypto from 'crypto';

function handler(event) {
  const header = event.request.headers['@HEADER_NAME@'];
  if (header && crypto.createHash('sha256').update(header.value).digest('hex') === '@HEADER_DIGEST@') {
    return event.request;
  }
  return {
    statusCode: 302,
    statusDescription: 'Found',
    headers: { location: { value: '@MAINTENANCE_SITE@' }, 'cache-control': { value: 'no-store' } },
  };
}
