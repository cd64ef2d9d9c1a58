// Azure Blob Storage by Azurite, with an empty container. Arguments: the container, the account, its key.
const { createHmac } = require('crypto')
const http = require('http')
const [container, account, key] = process.argv.slice(1)

process.env.AZURITE_ACCOUNTS = `${account}:${key}`
process.argv = ['node', 'azurite-blob', '--blobHost', '127.0.0.1', '--blobPort', '0', '--inMemoryPersistence',
  '--disableTelemetry', '--skipApiVersionCheck', '--silent']

// https://learn.microsoft.com/en-us/rest/api/storageservices/authorize-with-shared-key
function create(port) {
  const path = `/${account}/${container}`
  const headers = { 'x-ms-date': new Date().toUTCString(), 'x-ms-version': '2023-11-03' }
  const named = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`).join('')
  const text = `PUT${'\n'.repeat(12)}${named}/${account}${path}\nrestype:container`
  const signature = createHmac('sha256', Buffer.from(key, 'base64')).update(text).digest('base64')
  headers.authorization = `SharedKey ${account}:${signature}`
  headers['content-length'] = '0'
  const options = { host: '127.0.0.1', port, method: 'PUT', path: `${path}?restype=container`, headers }
  http.request(options, (answer) => {
    if (answer.statusCode !== 201) process.exit(1)
    answer.resume()
    process.stdout.write(`ready ${port}\n`)
  }).end()
}

console.log = (line) => {
  const listening = /listens on http:\/\/127\.0\.0\.1:(\d+)/.exec(line)
  if (listening) create(Number(listening[1]))
}
process.stdin.on('end', () => process.exit(0)).resume()
require('azurite/dist/src/blob/main.js')
