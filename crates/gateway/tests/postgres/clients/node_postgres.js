// node-postgres through the door: simple and prepared statements, a pool, notifications, transactions.
'use strict';
const assert = require('node:assert');
const { Client, Pool } = require('pg');

async function main() {
  const client = new Client();
  await client.connect();
  await assert.rejects(client.query('SELECT country FROM customer'), (error) => {
    assert.strictEqual(error.code, '42501');
    assert.ok(error.hint.includes('CALL privet.justify('));
    return true;
  });
  await client.query('CALL privet.justify($1, $2)', ['node-postgres is tried', 'https://t.example.com/5']);
  let rows = (await client.query('SELECT first_name FROM customer ORDER BY id')).rows;
  assert.ok(rows.every((row) => row.first_name.startsWith('pv1_')));
  await client.query('CALL privet.decrypt($1, $2, fields => $3)', ['https://t.example.com/5#yes', 'customer:3', 'first_name']);
  const named = { name: 'by-id', text: 'SELECT first_name, phone FROM customer WHERE id = $1', values: [3] };
  for (let turn = 0; turn < 3; turn += 1) {
    const row = (await client.query(named)).rows[0];
    assert.strictEqual(row.first_name, 'Zoëlle');
    assert.ok(row.phone.startsWith('pv1_'));
  }
  await client.query('CALL privet.encrypt()');
  // What was prepared on the other connection is gone, and the driver does not know: it is told so.
  await assert.rejects(client.query(named), { code: '26000' });

  const heard = new Promise((resolve) => client.once('notification', resolve));
  await client.query('LISTEN till');
  await client.query("SELECT pg_notify('till', 'empty')");
  assert.strictEqual((await heard).payload, 'empty');

  const pool = new Pool({ max: 4 });
  const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => pool.query('SELECT $1::int AS n', [n])));
  assert.deepStrictEqual(answers.map((answer) => answer.rows[0].n), Array.from({ length: 20 }, (_, n) => n));
  const one = await pool.connect();
  await one.query('BEGIN');
  await one.query('INSERT INTO invoice (id, customer_id) VALUES (8100, 1)');
  await assert.rejects(one.query('SELECT 1/0'), { code: '22012' });
  await assert.rejects(one.query('SELECT 1'), { code: '25P02' });
  await one.query('ROLLBACK');
  one.release();
  const bytes = (await pool.query("SELECT '\\x00ff'::bytea AS b, now() AS t, ARRAY[1, 2] AS a, '{\"k\": 1}'::jsonb AS j")).rows[0];
  assert.deepStrictEqual([...bytes.b], [0, 255]);
  assert.deepStrictEqual(bytes.a, [1, 2]);
  assert.deepStrictEqual(bytes.j, { k: 1 });
  await pool.end();
  await client.end();
  console.log('ok');
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
