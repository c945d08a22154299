# SPDX-License-Identifier: GPL-3.0-or-later
"""A trigger action that posts a Standard Webhooks message.

Where to post and the secret to sign with are read from a JSON file at each
delivery ({"url": "...", "secret": "whsec_..."}), so a receiver whose address
changes needs no restart of the server. No file means no webhook.

A delivery is a hint, never part of the business transaction: the timeout is
short and a failure is logged and forgotten. Whoever must not miss a change
reads `write_date`.
"""

import base64
import hashlib
import hmac
import json
import logging
import time
import urllib.request

import trytond.config as config
from trytond.model import Model
from trytond.pool import PoolMeta

logger = logging.getLogger(__name__)
TIMEOUT = 2


class Trigger(metaclass=PoolMeta):
    __name__ = 'ir.trigger'

    @classmethod
    def __setup__(cls):
        super().__setup__()
        cls.action.selection.append(('q2c.webhook|notify', "Q2C webhook"))


class Webhook(Model):
    __name__ = 'q2c.webhook'

    @classmethod
    def notify(cls, records, trigger):
        target = _target()
        if target is None:
            return
        for record in records:
            try:
                _deliver(target, record)
            except Exception:
                logger.exception(
                    "webhook for %s,%s not delivered", record.__name__,
                    record.id)


def _target():
    path = config.get('q2c', 'webhook')
    if not path:
        return None
    try:
        with open(path, encoding='utf-8') as file:
            return json.load(file)
    except FileNotFoundError:
        return None


def _deliver(target, record):
    """Post one message about one record.

    The message id names the record and the state it reached: a trigger fires
    once for each, so a receiver can tell a repetition by the id alone.
    """
    kind = record.__name__.rsplit('.', 1)[-1]
    changed = record.write_date or record.create_date
    message = f"{record.__name__.replace('.', '-')}-{record.id}-{record.state}"
    body = json.dumps({
        'type': f'{kind}.{record.state}',
        'timestamp': f'{changed.isoformat()}Z',
        'data': {
            'model': record.__name__,
            'id': record.id,
            'external_id': record.external_id,
            'state': record.state,
            'number': record.number,
            'write_date': f'{changed.isoformat()}Z',
            },
        }).encode()
    timestamp = str(int(time.time()))
    request = urllib.request.Request(target['url'], body, {
        'content-type': 'application/json',
        'webhook-id': message,
        'webhook-timestamp': timestamp,
        'webhook-signature': sign(target['secret'], message, timestamp, body),
        })
    # No proxy: the receiver is the one the configuration names, nobody else.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    opener.open(request, timeout=TIMEOUT).read()


def sign(secret, message, timestamp, body):
    """The Standard Webhooks signature (v1) of a message."""
    key = base64.b64decode(secret.removeprefix('whsec_'))
    content = f'{message}.{timestamp}.'.encode() + body
    return 'v1,' + base64.b64encode(
        hmac.new(key, content, hashlib.sha256).digest()).decode()
